"use strict";
(() => {
  const tip = document.getElementById("tip");

  // Without this script the browser shows the title of a mark as its tooltip; the script adds touch and keyboard.
  const tipOf = new WeakMap();
  for (const mark of document.querySelectorAll(".pt")) {
    const title = mark.querySelector("title");
    if (title) { tipOf.set(mark, title.textContent); title.remove(); }
  }
  let shown = null;
  const hide = () => { if (shown) shown.classList.remove("on"); shown = null; tip.classList.remove("on"); };
  const show = (mark) => {
    hide();
    shown = mark;
    mark.classList.add("on");
    tip.textContent = tipOf.get(mark);
    const at = mark.getBoundingClientRect(), box = tip.getBoundingClientRect();
    const x = Math.min(Math.max(4, at.x + at.width / 2 - box.width / 2), innerWidth - box.width - 4);
    const above = at.y - box.height - 8;
    tip.style.left = x + "px";
    tip.style.top = (above > 4 ? above : at.y + at.height + 8) + "px";
    tip.classList.add("on");
  };
  const over = (event) => {
    const mark = event.target.closest ? event.target.closest(".pt") : null;
    if (mark && tipOf.has(mark)) { if (mark !== shown) show(mark); } else if (shown) hide();
  };
  // Paper cannot be unfolded.
  const folds = document.querySelectorAll("details.fold");
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...folds].filter((fold) => !fold.open);
    for (const fold of unfolded) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of unfolded) fold.open = false; });

  document.addEventListener("pointerover", over);
  document.addEventListener("pointerdown", over);
  document.addEventListener("scroll", hide, { passive: true, capture: true });

  for (const svg of document.querySelectorAll("figure svg")) {
    const marks = [...svg.querySelectorAll(".pt")];
    let at = -1;
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") { hide(); return; }
      if (!step || marks.length === 0) return;
      event.preventDefault();
      at = at < 0 ? (step > 0 ? 0 : marks.length - 1) : (at + step + marks.length) % marks.length;
      show(marks[at]);
    });
    svg.addEventListener("blur", hide);
  }

  // A run is a body of two rows: its numbers, and its settings below.
  const table = document.getElementById("table");
  const headings = [...table.tHead.rows[0].cells];
  const names = headings.map((h) => h.dataset.name);
  const bodies = () => [...table.tBodies];
  const cell = (body, column) => body.rows[0].cells[column];
  const isNumber = (column) => headings[column].classList.contains("n");
  const value = (body, column) => {
    const found = cell(body, column);
    if (!isNumber(column)) return found.textContent.trim();
    return found.dataset.v === undefined ? null : parseFloat(found.dataset.v);
  };
  for (const body of bodies()) names.forEach((name, i) => { cell(body, i).dataset.label = name; });

  headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    headings.forEach((h) => h.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const missing = (v) => v === null || Number.isNaN(v) || v === "";
    const rows = bodies().map((body) => [value(body, column), body]);
    rows.sort(([a], [b]) => {
      // Missing values come last in both directions.
      if (missing(a) || missing(b)) return missing(a) - missing(b);
      const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
      return down ? -order : order;
    });
    table.append(...rows.map(([, body]) => body));
  }));

  // Settings below a row.
  const open = (body, yes) => {
    body.rows[1].hidden = !yes;
    body.querySelector(".open").setAttribute("aria-expanded", String(yes));
  };
  table.addEventListener("click", (event) => {
    const button = event.target.closest(".open");
    if (button) { const body = button.closest("tbody"); open(body, body.rows[1].hidden); }
  });

  // Conditions such as `effective beta = 784`, and words that are whole cells or parts of a run's name.
  const plain = (text) => text.toLowerCase().replace(/σ²/g, "sigma2").replace(/[^a-z0-9]/g, "");
  const other = { recon: "r", s: "r", kl: "k", negelbo: "elbo", activeunits: "active", outcome: "verdict", betaeffective: "effectivebeta", betaeff: "effectivebeta" };
  const columnOf = (text) => {
    const name = plain(text);
    return names.findIndex((n) => plain(n) === name || plain(n) === other[name]);
  };
  const near = (a, b) => Math.abs(a - b) <= 1e-4 * Math.max(Math.abs(a), Math.abs(b));
  const compare = (found, sign, wanted) => {
    const number = Number(wanted.replace("\u2212", "-"));
    if (typeof found === "number" && !Number.isNaN(number)) {
      const same = near(found, number);
      return { "=": same, "==": same, "!=": !same, "<": found < number && !same, ">": found > number && !same, "<=": found <= number || same, ">=": found >= number || same }[sign];
    }
    const same = found !== null && String(found).toLowerCase() === wanted.toLowerCase();
    return sign === "!=" ? !same : sign === "=" || sign === "==" ? same : false;
  };
  const parse = (text) => {
    const tests = [], words = [], unknown = [];
    const condition = /([^<>=!,;]*?)\s*(<=|>=|!=|==|=|<|>)\s*("[^"]*"|[^\s,;]+)/g;
    let last = 0;
    for (let m; (m = condition.exec(text)); ) {
      // Words before the name of a column are words of their own.
      const key = m[1].trim().split(/\s+/), free = [];
      while (key.length > 1 && columnOf(key.join(" ")) < 0) free.push(key.shift());
      words.push(...free);
      let wanted = m[3].replace(/^"|"$/g, "");
      const column = columnOf(key.join(" "));
      if (column < 0) unknown.push(key.join(" ")); else {
        // A word of several parts, such as all active.
        const rest = /^((?:\s+[a-z]+)+)(?=\s*(?:$|[,;]))/i.exec(text.slice(condition.lastIndex));
        if (rest && !isNumber(column) && !m[3].startsWith("\"")) { wanted += rest[1]; condition.lastIndex += rest[1].length; }
        tests.push((body) => compare(value(body, column), m[2], wanted));
      }
      last = condition.lastIndex;
    }
    words.push(...text.slice(last).split(/[\s,;]+/));
    for (const word of words.map((w) => w.toLowerCase()).filter(Boolean)) {
      const number = Number(word);
      tests.push((body) => names.some((_, column) => {
        const found = value(body, column);
        if (typeof found === "number") return !Number.isNaN(number) && near(found, number);
        return found !== null && (Number.isNaN(number) || column > 0) && String(found).toLowerCase().split(/[\s,]+/).includes(word)
          || (column === 0 && Number.isNaN(number) && found.toLowerCase().includes(word));
      }));
    }
    return { tests, unknown };
  };

  const filter = document.getElementById("filter"), outcome = document.getElementById("outcome");
  const count = document.getElementById("count");
  const apply = () => {
    const { tests, unknown } = parse(filter.value);
    let left = 0;
    for (const body of bodies()) {
      const fits = tests.every((test) => test(body)) && (!outcome.value || body.dataset.outcome === outcome.value);
      body.hidden = !fits;
      left += fits;
    }
    const wrong = unknown.length ? `; no column “${unknown.join("”, “")}”: there are ${names.join(", ")}` : "";
    count.textContent = `${left} of ${bodies().length} runs${wrong}`;
  };
  const changed = () => {
    apply();
    const state = filter.value ? "#filter=" + encodeURIComponent(filter.value) : location.pathname;
    try { history.replaceState(null, "", state); } catch { /* A page within a page has no address of its own. */ }
  };
  filter.addEventListener("input", changed);
  outcome.addEventListener("change", apply);
  const ledger = document.getElementById("ledger");
  ledger.addEventListener("change", () => table.classList.toggle("all", ledger.checked));

  // The rows that are shown, with all columns and all digits.
  document.getElementById("csv").addEventListener("click", () => {
    const quoted = (v) => (/[",\n]/.test(v) ? `"${v.replace(/"/g, "\"\"")}"` : v);
    const text = (body, column) => { const v = value(body, column); return v === null ? "" : isNumber(column) ? cell(body, column).dataset.v : v; };
    const rows = bodies().filter((body) => !body.hidden).map((body) => names.map((_, i) => quoted(text(body, i))));
    const csv = [names.map(quoted), ...rows].map((row) => row.join(",")).join("\n") + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
    link.download = "runs.csv";
    link.dataset.csv = csv;
    link.id = "download";
    document.getElementById("download")?.remove();
    link.hidden = true;
    document.body.append(link);
    link.click();
  });

  // The address may name a run or a filter.
  const follow = () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (hash.startsWith("filter=")) { filter.value = hash.slice(7); apply(); }
    const body = hash.startsWith("run-") ? document.getElementById(hash) : null;
    if (body) { body.hidden = false; open(body, true); body.scrollIntoView(); }
  };
  addEventListener("hashchange", follow);
  apply();
  follow();
})();
