"""Calls one loss function of the user for vae-bench probe, with the numbers that it is sent, and sends back what it returns.

Messages are a line of JSON each way; a call is followed by its numbers, float64, little-endian. They travel over the process's
first stdin and stdout; what the user's code prints goes to stderr, and what it reads is empty.
"""

import array
import ast
import importlib
import inspect
import json
import os
import random
import sys
import traceback
import types

ROLES = {
    "recon": "recon recon_x x_recon x_hat xhat x_rec rec recon_images recon_image recon_batch recons reconstructed "
    "reconstructed_x reconstruction reconstructions reconstructed_images x_reconstructed x_reconstruction x_pred pred preds "
    "prediction predictions y_pred y_hat output outputs out decoded decoder_output x_decoded x_decoded_mean x_out generated "
    "x_mu x_mean mu_x recon_mean logits x_logit x_logits recon_logits decoder_logits pixel_logits probs p_x x_mean xr x_tilde dec recon_y r",
    "x": "x input inputs target targets image images img imgs data batch x_true y_true y true original original_x labels label "
    "x_in xs ground_truth real orig true_x x_batch",
    "mean": "mu mean means z_mean z_mu mus latent_mean q_mean mu_z qz_mean enc_mean m posterior_mean q_mu zm",
    "logvar": "logvar log_var logvars log_variance z_log_var z_logvar log_sigma_squared logsigma2 log_sigma2 lv z_log_variance "
    "log_sigma_sq log_sigma log_std logstd logsigma log_stddev z_log_sigma z_log_std sigma std stddev sd sigmas z_sigma z_std var "
    "variance sigma2 sigma_sq z_var qz_logvar posterior_logvar latent_logvar latent_log_var ls q_logvar log_variances logs logv",
    "z": "z z_sample zs sample latent latents z_samples code",
    "key": "key rng prng_key rng_key",
    "model": "model vae net network autoencoder module self_model",
}
ROLE_OF = {name: role for role, names in ROLES.items() for name in names.split()}
SAMPLING = {
    **dict.fromkeys("log_sigma log_std logstd logsigma log_stddev z_log_sigma z_log_std ls logs".split(), "log sigma"),
    **dict.fromkeys("sigma std stddev sd sigmas z_sigma z_std".split(), "sigma"),
    **dict.fromkeys("var variance sigma2 sigma_sq z_var".split(), "variance"),
}


class Wrong(Exception):
    """What the user can put right, in a sentence."""


class Model:
    """Stands in for a network: whatever it is given, it answers with the designed numbers."""

    def __init__(self, values, returns):
        self._values, self._returns = values, returns

    def __call__(self, *_, **__):
        return tuple(self._values[role] for role in self._returns)

    forward = call = apply = __call__

    def encode(self, *_, **__):
        return self._values["mean"], self._values["logvar"]

    encoder = encode

    def reparameterize(self, *_, **__):
        return self._values["z"]

    reparametrize = reparameterise = sampling = sample = sample_z = reparameterize

    def decode(self, *_, **__):
        return self._values["recon"]

    decoder = decode

    def train(self, *_):
        return self

    eval = train


def load(job):
    """The function, its owner's stub where it is a method, and the source of its file."""
    if job.get("expression"):
        return None, None, job["expression"]
    path = os.path.abspath(job["file"])
    if not os.path.isfile(path):
        raise Wrong(f"{job['file']}: no such file")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    name = os.path.splitext(os.path.basename(path))[0]
    module = types.ModuleType(name)
    module.__file__ = path
    sys.path.insert(0, os.path.dirname(path))
    sys.argv = [path]
    tree = ast.parse(text, path)
    if job.get("definitions_only"):
        kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        constant = lambda node: isinstance(node, (ast.Assign, ast.AnnAssign)) and not any(
            isinstance(part, ast.Call) for part in ast.walk(node))
        tree.body = [node for node in tree.body if isinstance(node, kept) or constant(node)]
    sys.modules.setdefault(name, module)
    exec(compile(tree, path, "exec"), module.__dict__)
    parts = job["function"].split(".")
    owner, found = None, module
    for i, part in enumerate(parts):
        if not hasattr(found, part):
            there = [n for n, v in vars(found).items() if callable(v) and not n.startswith("__")]
            raise Wrong(f"{job['file']} has no {'.'.join(parts[:i + 1])}; there are: {', '.join(there[:30])}")
        owner, found = found, getattr(found, part)
    if inspect.isclass(owner) and not isinstance(inspect.getattr_static(owner, parts[-1]), (staticmethod, classmethod)):
        stub = owner.__new__(owner)
        if "torch" in sys.modules and isinstance(stub, sys.modules["torch"].nn.Module):
            sys.modules["torch"].nn.Module.__init__(stub)
        return found, stub, text
    if inspect.isclass(found):
        raise Wrong(f"{job['function']} is a class: name one of its methods, {job['function']}.loss_function or the like")
    return found, None, text


def framework(job, source):
    """The library whose tensors the function takes."""
    if job.get("framework"):
        return job["framework"]
    words = {
        "torch": ["torch", "F.", "lightning"],
        "tensorflow": ["tensorflow", "tf.", "keras", "K."],
        "jax": ["jax", "jnp.", "optax"],
    }
    if job.get("expression"):
        for name, signs in words.items():
            if any(sign in source for sign in signs):
                return name
        return "numpy" if "np." in source or "numpy" in source else "torch"
    found = [name for name in words if name in sys.modules and any(sign in source for sign in words[name])]
    imported = [name for name in words if name in sys.modules]
    if len(found) > 1:
        found.sort(key=lambda name: -source.count(words[name][0]))
    return (found or imported or ["numpy"])[0]


def library(name):
    """The module of this name, where the Python at hand has it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        why = ", by which probe hands over its numbers" if name == "numpy" else ""
        raise Wrong(f"{sys.executable} has no {name}{why}: install {name} there, or name another Python with --python") from None


class Tensors:
    """Numbers to tensors of one library, and back."""

    def __init__(self, name, precision):
        self.name, self.precision = name, precision
        if name == "torch":
            self.library = library("torch")
            self.library.set_grad_enabled(False)
        elif name == "tensorflow":
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            self.library = library("tensorflow")
        elif name == "jax":
            self.library = library("jax")
            self.library.config.update("jax_enable_x64", precision == "float64")
        elif name == "numpy":
            self.library = library("numpy")
        else:
            raise Wrong(f"--framework {name}: there are torch, tensorflow, jax and numpy")
        self.version = self.library.__version__
        # Found out now, and not at the first call.
        self.numpy = None if name == "torch" else library("numpy")

    def make(self, numbers, shape):
        if self.name == "torch":
            torch = self.library
            return torch.frombuffer(bytearray(numbers), dtype=torch.float64).reshape(shape).to(getattr(torch, self.precision))
        numpy = self.numpy
        values = numpy.frombuffer(numbers, dtype=numpy.float64).reshape(shape).astype(self.precision)
        if self.name == "tensorflow":
            return self.library.constant(values)
        if self.name == "jax":
            return self.library.numpy.asarray(values)
        return values

    def seed(self, seed):
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed)
        if self.name == "torch":
            self.library.manual_seed(seed)
        elif self.name == "tensorflow":
            self.library.random.set_seed(seed)
            if "keras" in sys.modules:
                sys.modules["keras"].utils.set_random_seed(seed)

    def key(self, seed):
        return self.library.random.PRNGKey(seed) if self.name == "jax" else seed

    def numbers(self, value, batch):
        """(number, whether per image, rounding unit) or None where it is no scalar and no vector over images."""
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return None
        if isinstance(value, (int, float)):
            return float(value), False, 2.0**-52
        shape = getattr(value, "shape", None)
        if shape is None:
            return None
        shape = tuple(int(n) for n in shape)
        rounding = 2.0**-52 if "64" in str(getattr(value, "dtype", "")) else 2.0**-23
        if all(n == 1 for n in shape):
            return float(self.flat(value)[0]), False, rounding
        if shape == (batch,) or shape == (batch, 1):
            flat = self.flat(value)
            return sum(flat) / len(flat), True, rounding
        return None

    def flat(self, value):
        if self.name == "torch" and hasattr(value, "detach"):
            return value.detach().to(self.library.float64).reshape(-1).tolist()
        numpy = self.numpy or library("numpy")
        return numpy.asarray(value, dtype=numpy.float64).reshape(-1).tolist()


def setting(text, scope, sizes):
    """The value of --set NAME=TEXT: a literal, an expression in B, D and d, or the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass
    if text.isidentifier():
        return sizes.get(text, text)
    try:
        return eval(text, dict(scope))
    except (NameError, SyntaxError):
        return text


def layouts(job, kind):
    """Shapes of an image, in the order in which they are tried."""
    if job.get("layout"):
        return [job["layout"]]
    return ["flat", "nchw", "nhwc"] if kind == "torch" else ["flat", "nhwc", "nchw"]


def image_shape(layout, batch, pixels, channels):
    side = round((pixels // channels) ** 0.5)
    return {"flat": (batch, pixels), "nchw": (batch, channels, side, side), "nhwc": (batch, side, side, channels)}[layout]


class Probe:
    def __init__(self, job):
        self.job = job
        self.function, self.stub, source = load(job)
        self.tensors = Tensors(framework(job, source), job.get("precision", "float64"))
        self.code = None if self.function else compile(job["expression"].strip(), "<expression>", "eval")
        self.args = compile(f"({job['args']},)", "<--args>", "eval") if job.get("args") else None
        self.settings = dict(pair.split("=", 1) if "=" in pair else (pair, "True") for pair in job.get("set", []))
        self.returns = [part.strip() for part in job.get("model_returns", "recon,mean,logvar").split(",")]
        self.how, self.numeric, self.sampling = [], {}, "log variance"
        self.plan_arguments()

    def plan_arguments(self):
        """Which argument gets what; refuses what nobody has said."""
        for name, text in self.settings.items():
            try:
                value = ast.literal_eval(text)
            except (ValueError, SyntaxError):
                continue
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                self.numeric[name] = float(value)
        if self.function is None or self.args is not None:
            given = self.job.get("args") or self.job.get("expression")
            for word in given.replace("(", " ").replace(")", " ").replace(",", " ").replace(".", " ").split():
                self.sampling = SAMPLING.get(word, self.sampling)
            if self.args is not None:
                self.how = [f"({self.job['args']})"]
                self.keywords({})
            return
        parameters = list(inspect.signature(self.function).parameters.values())
        if self.stub is not None:
            parameters = parameters[1:]
        roles = {}
        # Beside an image and no other reconstruction, y is the reconstruction and not a second image.
        others = [ROLE_OF.get(p.name.lower().strip("_")) for p in parameters if p.name.lower() != "y"]
        by_elimination = "x" in others and "recon" not in others
        for p in parameters:
            name = p.name.lower().strip("_")
            if p.name in self.settings:
                continue
            if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                if p.kind == p.VAR_POSITIONAL and not roles:
                    raise Wrong(f"it takes *{p.name}: say what, in its order, such as --args recon,x,mean,logvar")
                continue
            role = ROLE_OF.get(name)
            if name == "y" and by_elimination:
                role = "recon"
            if role in roles.values():
                # Two names of one role: what the second is, only the user can say.
                role = None
            if p.default is not p.empty:
                if role in ("recon", "x", "mean", "logvar", "z") and p.default is None:
                    roles[p.name] = role
                elif isinstance(p.default, (int, float)) and not isinstance(p.default, bool):
                    self.numeric[p.name] = float(p.default)
                    self.how.append(f"{p.name} = {p.default}")
                continue
            if role is None:
                raise Wrong(f"nothing is known of its argument {p.name}: give it with --set {p.name}=VALUE, or say all "
                            "arguments in their order with --args, such as --args recon,x,mean,logvar")
            roles[p.name] = role
            self.sampling = SAMPLING.get(name, self.sampling)
        self.roles = roles
        self.how = [f"{name} = {role}" if name != role else name for name, role in roles.items()] + self.how
        self.keywords({p.name: p for p in parameters})

    def keywords(self, known):
        takes_any = any(p.kind == p.VAR_KEYWORD for p in known.values()) or not known
        for name in self.settings:
            if "." not in name and not takes_any and name not in known:
                raise Wrong(f"--set {name}: it has no argument of that name; it has {', '.join(known)}")
            self.how.append(f"{name} = {self.settings[name]}")

    def sample(self, values):
        """z = mean + sigma * noise, in the reading that the arguments' names say."""
        import math
        sigma = {"log variance": lambda v: math.exp(0.5 * v), "log sigma": math.exp, "sigma": abs,
                 "variance": lambda v: math.sqrt(abs(v))}[self.sampling]
        each = zip(values["mean"], values["logvar"], values["noise"])
        return array.array("d", (m + sigma(v) * e for m, v, e in each))

    def call(self, request, numbers, layout):
        batch, pixels, latents = request["batch"], request["pixels"], request["latents"]
        images = image_shape(layout, batch, pixels, request["channels"])
        raw = {"mean": numbers["mean"], "logvar": numbers["logvar"], "noise": numbers["noise"]}
        raw["z"] = self.sample(raw)
        make = self.tensors.make
        values = {name: make(numbers[name].tobytes(), images) for name in ("recon", "x")}
        values.update({name: make(raw[name].tobytes(), (batch, latents)) for name in ("mean", "logvar", "z")})
        values["key"] = self.tensors.key(request["seed"])
        values["model"] = Model(values, self.returns)
        self.tensors.seed(request["seed"])
        sizes = {"B": batch, "D": pixels, "d": latents}
        names = {alias: values[role] for alias, role in ROLE_OF.items()}
        names.update(values)
        scope = {**self.modules(), **names, **sizes}
        keywords = {}
        for name, text in self.settings.items():
            keywords[name] = setting(text, scope, sizes)
        changed = request.get("set")
        if changed:
            whole = self.numeric.get(changed[0], 0.5) == int(self.numeric.get(changed[0], 0.5)) and changed[1] == int(changed[1])
            keywords[changed[0]] = int(changed[1]) if whole else changed[1]
        for name in [name for name in keywords if name.startswith("self.")]:
            setattr(self.stub, name[len("self."):], keywords.pop(name))
        if self.function is None:
            return eval(self.code, {**scope, **keywords})
        positional = [] if self.stub is None else [self.stub]
        if self.args is not None:
            positional += eval(self.args, scope)
        else:
            keywords = {**{name: values[role] for name, role in self.roles.items()}, **keywords}
            only = [p.name for p in inspect.signature(self.function).parameters.values() if p.kind == p.POSITIONAL_ONLY]
            positional += [keywords.pop(name) for name in only if name in keywords]
        return self.function(*positional, **keywords)

    def modules(self):
        """The usual names of the library at hand, for --args, --set and expressions."""
        library, scope = self.tensors.library, {"SimpleNamespace": types.SimpleNamespace}
        import math
        scope["math"] = math
        if self.tensors.name == "torch":
            scope.update(torch=library, nn=library.nn, F=library.nn.functional)
        elif self.tensors.name == "tensorflow":
            scope.update(tf=library, keras=library.keras, K=getattr(library.keras, "backend", None))
        elif self.tensors.name == "jax":
            scope.update(jax=library, jnp=library.numpy)
            if "optax" in (self.job.get("expression") or ""):
                import optax
                scope["optax"] = optax
        if "numpy" in sys.modules:
            scope["np"] = sys.modules["numpy"]
        return scope

    def parts(self, result, batch):
        """Every number that was returned, flat: (name, number, per image, rounding unit)."""
        if hasattr(result, "items"):
            members = [(str(name), value) for name, value in result.items()]
        elif isinstance(result, (tuple, list)):
            names = getattr(result, "_fields", [str(i) for i in range(len(result))])
            members = list(zip(names, result))
        else:
            found = self.tensors.numbers(result, batch)
            if found is None and getattr(result, "shape", None) is not None:
                raise Wrong(f"it returns a tensor of shape {list(result.shape)}, neither a number nor one for each of the {batch} "
                            "images: reduce it first, or probe the function that does")
            if found is None and hasattr(result, "__dict__"):
                members = list(vars(result).items())
            elif found is None:
                raise Wrong(f"it returns {type(result).__name__}, not a number")
            else:
                return [("", *found)]
        flat = []
        for name, value in members:
            if isinstance(value, (tuple, list, dict)):
                flat += [(f"{name}.{inner}", *rest) for inner, *rest in self.parts(value, batch)] if value else []
                continue
            found = self.tensors.numbers(value, batch)
            if found is not None:
                flat.append((name, *found))
        return flat


def main():
    receive, send = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def say(message):
        send.write(json.dumps(message).encode() + b"\n")
        send.flush()

    def attempt(work):
        try:
            return work()
        except Wrong as wrong:
            say({"wrong": str(wrong)})
        except SystemExit as left:
            say({"wrong": f"the code ended Python while it ran (exit code {left.code})", "left": True})
        except BaseException:
            say({"raised": own_lines(traceback.format_exc())})
        return None

    job = json.loads(receive.readline())
    probe = attempt(lambda: Probe(job))
    if probe is None:
        return
    tensors = probe.tensors
    say({"ready": {"framework": tensors.name, "version": str(tensors.version), "arguments": probe.how, "sampling": probe.sampling,
                   "parameters": list(probe.numeric.items()), "layouts": layouts(job, tensors.name)}})
    while line := receive.readline():
        request = json.loads(line)
        numbers = {}
        for name in ("recon", "x", "mean", "logvar", "noise"):
            cells = request["batch"] * (request["pixels"] if name in ("recon", "x") else request["latents"])
            numbers[name] = array.array("d")
            numbers[name].frombytes(receive.read(8 * cells))
            if sys.byteorder == "big":
                numbers[name].byteswap()

        def answer():
            if tensors.precision != request["precision"]:
                tensors.precision = request["precision"]
                if tensors.name == "jax":
                    tensors.library.config.update("jax_enable_x64", tensors.precision == "float64")
            return probe.parts(probe.call(request, numbers, request["layout"]), request["batch"])

        parts = attempt(answer)
        if parts is not None:
            say({"parts": [[name, repr(value), per_image, rounding] for name, value, per_image, rounding in parts]})


def own_lines(text):
    """The traceback without this file's own frames."""
    kept, skip = [], False
    for line in text.splitlines():
        if line.startswith("  File "):
            skip = '"<vae-bench' in line or '"<string>", line' in line
        elif not line.startswith("    "):
            skip = False
        if not skip:
            kept.append(line)
    return "\n".join(kept)


main()
