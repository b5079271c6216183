//! Multipliers that are found while training: lambda of GECO and beta of ControlVAE, as recurrences on plain numbers.

use super::schedule::Time;

/// What finds a multiplier. Both see what the code's reduction makes of a term, and not the sum over an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Controller {
    /// lambda of b*K + lambda * (a*R - tolerance).
    Geco(Geco),
    /// beta of a*R + beta * b*K.
    ControlVae(ControlVae),
}

/// GECO: generalised ELBO with constrained optimisation (Rezende & Viola 2018, "Taming VAEs", algorithm 1).
///
/// From the paper: lambda begins at 1, the moving average of the constraint begins as the first batch's, gradients flow
/// through the constraint of the batch alone, and lambda is multiplied by exp(rate * average) after the batch's step. The
/// paper leaves the rate open, and does not bound lambda: see [`Geco::BOUNDS`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geco {
    /// What a*R shall come down to.
    pub tolerance: f64,
    /// How fast lambda follows the constraint.
    pub rate: f64,
    /// alpha, the decay of the moving average.
    pub decay: f64,
    /// lambda of the first step.
    pub initial: f64,
}

/// ControlVAE: a PI controller that holds the KL at a target (Shao et al. 2020, algorithm 1).
///
/// With e = target - b*K of the batch: beta = Kp / (1 + exp(e)) - Ki * sum e + `beta_min`, clamped, in force for that very batch.
///
/// The paper lets the sum stand still while the last beta lies outside its bounds. Read after the clamp, as it is printed,
/// that never happens. Read before, as here and in the authors' code for disentangling, a sum can be left behind for ever;
/// so it goes on here wherever the error leads back inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControlVae {
    /// The KL to hold, in nats.
    pub target: f64,
    /// Kp.
    pub kp: f64,
    /// Ki.
    pub ki: f64,
    /// The least beta, and the beta before the first batch.
    pub beta_min: f64,
    /// The largest.
    pub beta_max: f64,
}

/// What a controller remembers from batch to batch: with the model and the optimiser, all that training changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    /// Nothing is found: every weight is as it is written.
    Fixed,
    /// Of GECO.
    Geco {
        /// lambda, for the next batch.
        lambda: f64,
        /// The moving average of the constraint; none before the first batch.
        average: Option<f64>,
    },
    /// Of ControlVAE.
    ControlVae {
        /// -Ki * sum e.
        integral: f64,
        /// beta of the last batch, before it was clamped.
        unclamped: f64,
    },
}

/// The factor that a controller has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Multiplier {
    /// None: weights are as they are written, those of a controller for a factor of 1.
    Written,
    /// lambda, or beta.
    Found(f64),
}

/// All that weights depend on, beside the number of images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// For what rises on a schedule.
    pub time: Time,
    /// For what is found.
    pub multiplier: Multiplier,
}

impl Controller {
    /// What it remembers before the first batch.
    pub fn start(self) -> Control {
        match self {
            Controller::Geco(geco) => Control::Geco { lambda: geco.initial, average: None },
            Controller::ControlVae(pi) => Control::ControlVae { integral: 0.0, unclamped: pi.beta_min },
        }
    }

    /// The multiplier that is in force after what `control` remembers; none where that is another controller's.
    pub fn multiplier(self, control: Control) -> Option<f64> {
        match (self, control) {
            (Controller::Geco(_), Control::Geco { lambda, .. }) => Some(lambda),
            (Controller::ControlVae(pi), Control::ControlVae { unclamped, .. }) => Some(pi.clamped(unclamped)),
            (Controller::Geco(_) | Controller::ControlVae(_), _) => None,
        }
    }

    /// The multiplier for a batch whose term is `observed` (a*R of GECO, b*K of ControlVAE), and what to remember after it.
    /// None where `control` is another controller's.
    pub fn step(self, control: Control, observed: f64) -> Option<(f64, Control)> {
        match (self, control) {
            (Controller::Geco(geco), Control::Geco { lambda, average }) => {
                Some((lambda, geco.step(lambda, average, observed)))
            }
            (Controller::ControlVae(pi), Control::ControlVae { integral, unclamped }) => {
                let next = pi.step(integral, unclamped, observed);
                Some((self.multiplier(next)?, next))
            }
            (Controller::Geco(_) | Controller::ControlVae(_), _) => None,
        }
    }
}

impl Geco {
    /// lambda stays within these, as 1/lambda does in the public code of Engelcke et al. 2020 ("GENESIS").
    pub const BOUNDS: (f64, f64) = (1e-10, 1e10);

    fn step(self, lambda: f64, average: Option<f64>, observed: f64) -> Control {
        let constraint = observed - self.tolerance;
        let average = average.map_or(constraint, |last| self.decay * last + (1.0 - self.decay) * constraint);
        let (least, most) = Geco::BOUNDS;
        Control::Geco { lambda: (lambda * (self.rate * average).exp()).clamp(least, most), average: Some(average) }
    }
}

impl ControlVae {
    fn clamped(self, beta: f64) -> f64 {
        beta.max(self.beta_min).min(self.beta_max)
    }

    fn step(self, integral: f64, unclamped: f64, observed: f64) -> Control {
        let error = self.target - observed;
        let leads_outside = (unclamped > self.beta_max && error < 0.0) || (unclamped < self.beta_min && error > 0.0);
        let integral = if leads_outside { integral } else { integral - self.ki * error };
        // exp may overflow to infinity: the quotient is 0 then.
        let proportional = self.kp / (1.0 + error.exp());
        Control::ControlVae { integral, unclamped: proportional + integral + self.beta_min }
    }
}

impl Multiplier {
    /// The factor.
    pub fn value(self) -> f64 {
        match self {
            Multiplier::Written => 1.0,
            Multiplier::Found(value) => value,
        }
    }

    /// What was found.
    pub fn found(self) -> Option<f64> {
        match self {
            Multiplier::Written => None,
            Multiplier::Found(value) => Some(value),
        }
    }
}

impl Moment {
    /// `time` with weights as they are written: all that is known before a training of an objective that finds one.
    pub fn as_written(time: Time) -> Self {
        Moment { time, multiplier: Multiplier::Written }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The multipliers of batches with these observations.
    fn path(controller: Controller, observed: &[f64]) -> Vec<f64> {
        let mut control = controller.start();
        let mut multipliers = Vec::new();
        for &observed in observed {
            let (multiplier, next) = controller.step(control, observed).unwrap();
            multipliers.push(multiplier);
            control = next;
        }
        multipliers
    }

    #[track_caller]
    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-14 * expected.abs(), "{found} is not {expected}");
        }
    }

    const GECO: Geco = Geco { tolerance: 15.0, rate: 0.01, decay: 0.9, initial: 1.0 };

    #[test]
    fn lambda_of_geco_follows_the_moving_average_of_the_constraint() {
        // lam, ma, out = 1.0, None, []
        // for o in [52.5, 40.25, 31.0, 14.0, 2.0, 1.0]:
        //     out.append(lam)
        //     c = o - 15
        //     ma = c if ma is None else 0.9*ma + (1-0.9)*c
        //     lam = min(max(lam*math.exp(0.01*ma), 1e-10), 1e10)
        assert_close(
            &path(Controller::Geco(GECO), &[52.5, 40.25, 31.0, 14.0, 2.0, 1.0]),
            &[1.0, 1.4549914146182013, 2.0912249609467577, 2.945342178507305, 4.004635239127665, 5.211966595030386],
        );
    }

    #[test]
    fn lambda_of_geco_stays_within_its_bounds_whatever_the_batches_say() {
        let far = path(Controller::Geco(GECO), &[1e300, 1e300, f64::MAX]);
        assert_eq!(far, [1.0, 1e10, 1e10]);
        let met = path(Controller::Geco(Geco { tolerance: 1e9, ..GECO }), &[0.0, 0.0, 0.0]);
        assert_eq!(met, [1.0, 1e-10, 1e-10]);
    }

    const PI: ControlVae = ControlVae { target: 20.0, kp: 0.01, ki: 0.001, beta_min: 0.0, beta_max: 0.05 };

    #[test]
    fn beta_of_control_vae_is_proportional_and_integral_and_clamped() {
        // I, prev, out = 0.0, 0.0, []
        // for k in [0.5, 19.0, 60.0, 55.0, 35.0, 21.0, 20.0, 18.0, 3.0]:
        //     e = 20 - k
        //     if not (prev > 0.05 and e < 0 or prev < 0 and e > 0): I -= 0.001*e
        //     prev = 0.01/(1+math.exp(e)) + I + 0
        //     out.append(min(max(prev, 0), 0.05))
        assert_close(
            &path(Controller::ControlVae(PI), &[0.5, 19.0, 60.0, 55.0, 35.0, 21.0, 20.0, 18.0, 3.0]),
            &[0.0, 0.0, 0.0305, 0.05, 0.05, 0.05, 0.05, 0.05, 0.03650000041399376],
        );
    }

    #[test]
    fn an_integral_that_left_the_bounds_comes_back_where_the_error_changes_its_sign() {
        // With the sum frozen by the last beta alone, the second step on would stay at 0 for ever: -0.0195 + Kp is below 0.
        let path = path(Controller::ControlVae(PI), &[0.5, 30.0, 30.0, 30.0]);
        assert_eq!(path[0], 0.0);
        assert!(path.windows(2).skip(1).all(|two| two[0] < two[1]), "{path:?}");
        // Far above the target exp(e) is 0, far below it is infinite: neither gives a beta that is no number.
        let far = super::tests::path(Controller::ControlVae(PI), &[1e300, 0.0, -1e300, 1e300]);
        assert!(far.iter().all(|beta| (0.0..=0.05).contains(beta)), "{far:?}");
    }

    #[test]
    fn a_controller_has_no_use_for_what_another_remembers() {
        let (geco, pi) = (Controller::Geco(GECO), Controller::ControlVae(PI));
        assert_eq!((geco.step(pi.start(), 1.0), pi.step(geco.start(), 1.0)), (None, None));
        assert_eq!((geco.multiplier(Control::Fixed), pi.multiplier(Control::Fixed)), (None, None));
    }
}
