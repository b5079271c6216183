//! The bytes of `metrics.csv`, `timing.csv`, `latents.csv` and `codes.csv`. Nothing here opens a file.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::columns::{self, Column};
use crate::error::{Error, Result};
use crate::metrics::{CodeRecord, EpochRecord, LatentRecord, TimingRecord};
use crate::model::ModelName;

/// The header line of `metrics.csv` with these columns.
pub fn metrics_header(columns: &[Column]) -> String {
    columns::header(columns) + "\n"
}

/// The header of `timing.csv`.
pub const TIMING_HEADER: &str = "epoch,train_s,eval_s,images_per_s\n";

/// The header of `latents.csv`.
pub const LATENTS_HEADER: &str = "latent,kl,mean_variance\n";

/// The header of `codes.csv`.
pub const CODES_HEADER: &str = "code,uses,share,length\n";

/// Rows of `metrics.csv` with these columns, without a header. Every number in the shortest form that reads back to the
/// same bits.
pub fn metrics_rows(columns: &[Column], rows: &[EpochRecord]) -> Result<Vec<u8>> {
    let cells = |row: &EpochRecord| columns.iter().map(|column| column.cell(row)).collect::<Vec<_>>();
    csv_rows(&rows.iter().map(cells).collect::<Vec<_>>())
}

/// A row of `timing.csv`, without a header.
pub fn timing_row(row: &TimingRecord) -> Result<Vec<u8>> {
    csv_rows(std::slice::from_ref(row))
}

/// The whole of `latents.csv`.
pub fn latents_table(rows: &[LatentRecord]) -> Result<Vec<u8>> {
    Ok([LATENTS_HEADER.as_bytes(), &csv_rows(rows)?].concat())
}

/// Parses the text of `metrics.csv`.
///
/// # Errors
/// What is wrong and in which line, as a sentence.
pub fn parse_metrics(text: &[u8]) -> Result<Vec<EpochRecord>, String> {
    let mut reader = csv::Reader::from_reader(text);
    let named = |name: &str| Column::of(name).ok_or_else(|| format!("line 1: no column is called {name:?}"));
    let columns = reader.headers().map_err(|e| e.to_string())?.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    // All of a VQ-VAE's columns are there where one of them is.
    let model = if columns.contains(&Column::CommitmentRatio) { ModelName::VqVae } else { ModelName::Vae };
    if let Some(missing) = Column::of_model(model).iter().find(|column| !columns.contains(column)) {
        return Err(format!("line 1: the column {:?} is missing", missing.name()));
    }
    let row = |(line, record): (usize, Result<csv::StringRecord, csv::Error>)| {
        let record = record.map_err(|e| e.to_string())?;
        columns::read_row(columns.iter().copied().zip(&record)).map_err(|why| format!("line {line}: {why}"))
    };
    (2..).zip(reader.records()).map(row).collect()
}

/// The whole of `codes.csv`.
pub fn codes_table(rows: &[CodeRecord]) -> Result<Vec<u8>> {
    Ok([CODES_HEADER.as_bytes(), &csv_rows(rows)?].concat())
}

/// Parses the text of `latents.csv`.
///
/// # Errors
/// What is wrong and in which line, as a sentence.
pub fn parse_latents(text: &[u8]) -> Result<Vec<LatentRecord>, String> {
    parse(text)
}

/// Parses the text of `timing.csv`.
///
/// # Errors
/// What is wrong and in which line, as a sentence.
pub fn parse_timing(text: &[u8]) -> Result<Vec<TimingRecord>, String> {
    parse(text)
}

fn csv_rows<T: Serialize>(rows: &[T]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(|e| Error::Run(format!("a row cannot be written as CSV ({e})")))?;
    }
    writer.into_inner().map_err(|e| Error::Run(format!("a row cannot be written as CSV ({e})")))
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, String> {
    csv::Reader::from_reader(text).deserialize().collect::<Result<_, _>>().map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{CodeMetrics, Split};
    use crate::terms::{Ledgers, Term, Terms};

    fn row() -> EpochRecord {
        EpochRecord {
            epoch: 1,
            split: Split::Train,
            ledgers: Ledgers {
                canonical: Terms::default().with(Term::Recon, 78.4).with(Term::Kl, 1e-7),
                weighted: Terms::default().with(Term::Recon, 0.1).with(Term::Kl, 0.2),
            },
            neg_elbo: None,
            beta_effective: None,
            beta_sigma2: Some(0.5),
            active_units: None,
            bits_per_dim: None,
            multiplier: None,
            codes: CodeMetrics::default(),
        }
    }

    const VAE: ModelName = ModelName::Vae;

    /// `metrics.csv` of a VAE with these rows.
    fn table(text: &str) -> Vec<u8> {
        format!("{}{text}", metrics_header(Column::of_model(VAE))).into_bytes()
    }

    #[test]
    fn the_bytes_of_a_row_are_these() {
        let text = String::from_utf8(metrics_rows(Column::of_model(VAE), &[row()]).unwrap()).unwrap();
        assert_eq!(text, "1,train,0.30000000000000004,0.1,0.2,78.4,1e-7,,,0.5,\n");
        let timing = TimingRecord { epoch: 2, train_s: 1.5, eval_s: 0.25, images_per_s: 4e4 };
        assert_eq!(timing_row(&timing).unwrap(), b"2,1.5,0.25,40000.0\n");
    }

    #[test]
    fn the_headers_are_the_fields_in_their_order() {
        let with_header = |header: &str, row: &[u8]| [header.as_bytes(), row].concat();
        let header =
            "epoch,split,objective,recon_term,kl_term,recon,kl,neg_elbo,beta_effective,beta_sigma2,active_units\n";
        assert_eq!(
            metrics_header(Column::of_model(VAE)),
            header,
            "a contract: scripts lean on these names and this order"
        );
        let metrics = with_header(header, &metrics_rows(Column::of_model(VAE), &[row()]).unwrap());
        assert_eq!(parse_metrics(&metrics).unwrap(), [row()]);
        let timing = TimingRecord { epoch: 2, train_s: 1.5, eval_s: 0.25, images_per_s: 4e4 };
        let text = with_header(TIMING_HEADER, &timing_row(&timing).unwrap());
        assert_eq!(parse_timing(&text).unwrap(), [timing]);
        let latents = [LatentRecord { latent: 1, kl: 1.5, mean_variance: 1e-9 }];
        assert_eq!(latents_table(&latents).unwrap(), b"latent,kl,mean_variance\n1,1.5,1e-9\n");
        assert_eq!(parse_latents(&latents_table(&latents).unwrap()).unwrap(), latents);
    }

    #[test]
    fn a_vq_vae_has_its_columns_after_those_of_a_vae_and_reads_them_back() {
        let columns = Column::of_model(ModelName::VqVae);
        let header = "epoch,split,objective,recon_term,kl_term,recon,kl,neg_elbo,beta_effective,beta_sigma2,active_units,\
                      codebook_term,commitment_term,code_distance,perplexity,codes_used,commitment_ratio\n";
        assert_eq!(metrics_header(columns), header, "a contract: scripts lean on these names and this order");
        let row = EpochRecord {
            epoch: 1,
            split: Split::Test,
            ledgers: Ledgers {
                canonical: Terms::default().with(Term::Recon, 80.0).with(Term::Kl, 41.5).with(Term::Commitment, 2.0),
                weighted: Terms::default()
                    .with(Term::Recon, 80.0)
                    .with(Term::Codebook, 2.0)
                    .with(Term::Commitment, 0.5),
            },
            neg_elbo: Some(121.5),
            beta_effective: None,
            beta_sigma2: None,
            active_units: None,
            bits_per_dim: None,
            multiplier: None,
            codes: CodeMetrics { perplexity: Some(30.5), codes_used: Some(60), commitment_ratio: Some(0.25) },
        };
        let text = metrics_rows(columns, std::slice::from_ref(&row)).unwrap();
        assert_eq!(text, b"1,test,82.5,80.0,,80.0,41.5,121.5,,,,2.0,0.5,2.0,30.5,60,0.25\n");
        assert_eq!(parse_metrics(&[header.as_bytes(), &text].concat()).unwrap(), [row]);
        let uses = [CodeRecord { code: 1, uses: 3, share: 0.75, length: 1.5 }];
        assert_eq!(codes_table(&uses).unwrap(), b"code,uses,share,length\n1,3,0.75,1.5\n");
    }

    #[test]
    fn a_damaged_table_is_told_with_its_line() {
        for (text, says) in [
            ("1,train,x\n", "line: 2"),
            ("1,train,x,0,0,0,0,,,,\n", "line 2: objective: \"x\""),
            ("1,train,5,1,1,0,0,,,,\n", "line 2: objective 5 is not the sum of its terms, 2"),
            ("1,both,2,1,1,0,0,,,,\n", "line 2: split: \"both\""),
        ] {
            let message = parse_metrics(&table(text)).unwrap_err();
            assert!(message.contains(says), "{message}");
        }
        assert!(parse_metrics(b"epoch,split\n").unwrap_err().contains("\"objective\" is missing"));
        assert!(parse_metrics(b"epoch,recons\n").unwrap_err().contains("\"recons\""));
    }
}
