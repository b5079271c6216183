//! The summands of an objective: the only list of them.
//!
//! An objective is a sum of weighted terms. A value per term, or an empty cell where a model has no such term, makes
//! both ledgers of a run, the columns of every table, and what a checkpoint remembers of an epoch.

/// A summand of an objective, in the order of the columns. The order is a contract: new terms go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// The reconstruction: R in nats where the loss is a likelihood, S for a squared error.
    Recon,
    /// KL(q(z|x) || p(z)), in nats.
    Kl,
    /// |sg\[z_e\] - e|^2 of a VQ-VAE (van den Oord et al. 2017, equation 3), summed over the codes of an image. Its canonical
    /// value is that of the commitment term, and is kept there alone.
    Codebook,
    /// |z_e - sg\[e\]|^2 of a VQ-VAE, summed over the codes of an image: C.
    Commitment,
    /// What k importance-weighted samples gain over the mean of k single ones (Burda et al. 2016); never positive.
    ImportanceGain,
}

impl Term {
    /// Every term, in the order of the columns.
    pub const ALL: [Term; 5] = [Term::Recon, Term::Kl, Term::Codebook, Term::Commitment, Term::ImportanceGain];

    /// The term's column in the canonical ledger.
    pub fn name(self) -> &'static str {
        match self {
            Term::Recon => "recon",
            Term::Kl => "kl",
            Term::Codebook => "codebook",
            Term::Commitment => "commitment",
            Term::ImportanceGain => "importance_gain",
        }
    }

    /// The term's column in the ledger of the objective.
    pub fn weighted_name(self) -> &'static str {
        match self {
            Term::Recon => "recon_term",
            Term::Kl => "kl_term",
            Term::Codebook => "codebook_term",
            Term::Commitment => "commitment_term",
            Term::ImportanceGain => "importance_gain_term",
        }
    }
}

/// A value for every term that a model has; absent terms are empty cells, never zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms<T>([Option<T>; Term::ALL.len()]);

impl<T> Default for Terms<T> {
    fn default() -> Self {
        Terms([const { None }; Term::ALL.len()])
    }
}

impl<T> Terms<T> {
    /// These terms and `value` for `term`.
    pub fn with(mut self, term: Term, value: T) -> Self {
        self.set(term, Some(value));
        self
    }

    /// Puts `value` into the cell of `term`.
    pub fn set(&mut self, term: Term, value: Option<T>) {
        self.0[term as usize] = value;
    }

    /// The value of `term`, where there is one.
    pub fn get(&self, term: Term) -> Option<&T> {
        self.0[term as usize].as_ref()
    }

    /// The terms that are there, in the order of the columns.
    pub fn iter(&self) -> impl Iterator<Item = (Term, &T)> {
        Term::ALL.into_iter().zip(&self.0).filter_map(|(term, value)| Some((term, value.as_ref()?)))
    }

    /// The same terms with other values.
    pub fn map<U>(&self, mut f: impl FnMut(Term, &T) -> U) -> Terms<U> {
        self.iter().fold(Terms::default(), |all, (term, value)| all.with(term, f(term, value)))
    }
}

impl Terms<f64> {
    /// The sum of the terms that are there.
    pub fn sum(&self) -> f64 {
        self.iter().fold(0.0, |sum, (_, value)| sum + value)
    }

    /// Adds `weight * other` term by term; a term that is only in `other` begins at 0.
    fn add_scaled(&mut self, weight: f64, other: &Terms<f64>) {
        for (term, value) in other.iter() {
            let sum = self.get(term).copied().unwrap_or(0.0);
            self.set(term, Some(sum + weight * value));
        }
    }
}

/// Both ledgers of a set of images: averages in which each image counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ledgers {
    /// Per image, summed over pixels, latents and codes, whatever was trained: comparable between runs.
    pub canonical: Terms<f64>,
    /// Each term with its weight, as the optimiser saw it.
    pub weighted: Terms<f64>,
}

impl Ledgers {
    /// What the optimiser minimised: the sum of the weighted terms.
    pub fn objective(&self) -> f64 {
        self.weighted.sum()
    }

    /// Adds the ledgers of `images` more images to sums over images.
    pub fn add(&mut self, batch: &Ledgers, images: usize) {
        self.canonical.add_scaled(images as f64, &batch.canonical);
        self.weighted.add_scaled(images as f64, &batch.weighted);
    }

    /// Averages from sums over `images` images.
    pub fn divided_by(&self, images: f64) -> Ledgers {
        Ledgers {
            canonical: self.canonical.map(|_, value| value / images),
            weighted: self.weighted.map(|_, value| value / images),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_terms_stay_absent_and_the_objective_is_the_sum_of_the_rest() {
        let batch = Ledgers {
            canonical: Terms::default().with(Term::Recon, 3.0).with(Term::Kl, 2.0),
            weighted: Terms::default().with(Term::Recon, 1.5).with(Term::Kl, 8.0),
        };
        let mut sums = Ledgers::default();
        sums.add(&batch, 3);
        sums.add(&batch, 1);
        let means = sums.divided_by(4.0);
        assert_eq!(means, batch);
        assert_eq!(means.objective(), 9.5);
        assert_eq!(means.canonical.get(Term::Codebook), None);
        assert_eq!(means.weighted.iter().map(|(term, _)| term).collect::<Vec<_>>(), [Term::Recon, Term::Kl]);
    }

    #[test]
    fn the_cell_of_a_term_is_its_place_in_the_list() {
        for (i, term) in Term::ALL.into_iter().enumerate() {
            assert_eq!(term as usize, i);
            assert_eq!(term.weighted_name(), format!("{}_term", term.name()));
        }
    }
}
