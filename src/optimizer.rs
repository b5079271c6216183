//! Gradient steps with their state in the open, so that a checkpoint can hold it.
//!
//! The formulas and defaults are PyTorch's (`torch.optim`), which most of the code compared here uses. Each rule is
//! there on slices (CPU; Adam is a kernel) and on tensors (other devices, and the reference of the tests).

use std::cell::RefCell;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Result, Tensor, Var, bail};
use clap::ValueEnum;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use kernels::Isa;
use kernels::adam;

use crate::pass::Gradient;

/// The name of an optimiser, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerName {
    /// p -= lr * m^ / (sqrt(v^) + eps), Kingma & Ba 2015
    Adam,
    /// p -= lr * g
    Sgd,
    /// v = alpha v + (1 - alpha) g^2; p -= lr * g / (sqrt(v) + 1e-8)
    Rmsprop,
    /// s += g^2; p -= lr * g / (sqrt(s) + 1e-10)
    Adagrad,
}

/// An update rule with its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Kingma & Ba 2015, algorithm 1, as `torch.optim.Adam` has it.
    Adam {
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to sqrt of the corrected second moment.
        eps: f64,
    },
    /// `torch.optim.SGD` without momentum.
    Sgd,
    /// `torch.optim.RMSprop` with its default eps 1e-8, without momentum.
    Rmsprop {
        /// Decay of the second moment: 0.99 in PyTorch, 0.9 (called rho) in Keras.
        alpha: f64,
    },
    /// `torch.optim.Adagrad` with its default eps 1e-10.
    Adagrad,
}

const RMSPROP_EPS: f64 = 1e-8;
const ADAGRAD_EPS: f64 = 1e-10;

/// Elements per task. A fixed number, so that the split of work never depends on the threads.
const CHUNK: usize = 16 * 1024;

impl Rule {
    /// How many numbers of state the rule keeps per parameter.
    pub fn slots(self) -> usize {
        match self {
            Rule::Adam { .. } => 2,
            Rule::Sgd => 0,
            Rule::Rmsprop { .. } | Rule::Adagrad => 1,
        }
    }

    /// The name of the rule, without its constants.
    pub fn name(self) -> OptimizerName {
        match self {
            Rule::Adam { .. } => OptimizerName::Adam,
            Rule::Sgd => OptimizerName::Sgd,
            Rule::Rmsprop { .. } => OptimizerName::Rmsprop,
            Rule::Adagrad => OptimizerName::Adagrad,
        }
    }

    /// One step of a rule that divides by the root of one kept number, on slices of one length.
    fn scaled_step(self, lr: f32, p: &mut [f32], g: &[f32], v: &mut [f32]) {
        let (keep, add, eps) = match self {
            Rule::Rmsprop { alpha } => (alpha as f32, (1.0 - alpha) as f32, RMSPROP_EPS as f32),
            Rule::Adagrad => (1.0, 1.0, ADAGRAD_EPS as f32),
            Rule::Adam { .. } | Rule::Sgd => return,
        };
        for ((p, &g), v) in p.iter_mut().zip(g).zip(v) {
            *v = keep * *v + add * g * g;
            *p -= lr * g / (v.sqrt() + eps);
        }
    }

    /// One step number `t` (from 1) on tensors of any device and type; gives the change to subtract.
    fn update_tensors(self, lr: f64, t: u64, g: &Tensor, state: &mut [Tensor]) -> Result<Tensor> {
        match (self, state) {
            (Rule::Adam { beta1, beta2, eps }, [m, v]) => {
                let (step, root) = adam_corrections(lr, beta1, beta2, t);
                *m = ((&*m * beta1)? + (g * (1.0 - beta1))?)?;
                *v = ((&*v * beta2)? + (g.sqr()? * (1.0 - beta2))?)?;
                (&*m * step)? / v.sqrt()?.affine(root, eps)?
            }
            (Rule::Rmsprop { alpha }, [v]) => {
                *v = ((&*v * alpha)? + (g.sqr()? * (1.0 - alpha))?)?;
                (g * lr)? / v.sqrt()?.affine(1.0, RMSPROP_EPS)?
            }
            (Rule::Adagrad, [s]) => {
                *s = (&*s + g.sqr()?)?;
                (g * lr)? / s.sqrt()?.affine(1.0, ADAGRAD_EPS)?
            }
            (Rule::Sgd, _) => g * lr,
            (Rule::Adam { .. } | Rule::Rmsprop { .. } | Rule::Adagrad, _) => {
                bail!("an optimiser's state of another rule than {self:?}")
            }
        }
    }
}

/// lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t): the bias corrections, folded as `torch.optim.Adam` folds them.
fn adam_corrections(lr: f64, beta1: f64, beta2: f64, t: u64) -> (f64, f64) {
    let t = t as f64;
    (lr / (1.0 - beta1.powf(t)), 1.0 / (1.0 - beta2.powf(t)).sqrt())
}

/// The state of one parameter: where the fast path can reach it, or as tensors.
#[derive(Clone, Debug)]
enum State {
    Host(Vec<Vec<f32>>),
    Tensors(Vec<Tensor>),
}

/// One of the numbers that a rule keeps per parameter, for all elements of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Slot<'a> {
    /// On the CPU.
    Host(&'a [f32]),
    /// On another device, or of another type.
    Tensor(&'a Tensor),
}

/// What an [`Optimizer`] is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerConfig {
    /// The update rule.
    pub rule: Rule,
    /// The learning rate.
    pub lr: f64,
}

/// An update rule at work on a fixed list of parameters.
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    step: u64,
    parameters: Vec<Var>,
    states: Vec<State>,
}

impl candle_nn::Optimizer for Optimizer {
    type Config = OptimizerConfig;

    fn new(parameters: Vec<Var>, config: OptimizerConfig) -> Result<Self> {
        let slots = config.rule.slots();
        let state = |p: &Var| -> Result<State> {
            Ok(match (p.device(), p.dtype()) {
                (Device::Cpu, candle_core::DType::F32) => State::Host(vec![vec![0.0; p.elem_count()]; slots]),
                _ => State::Tensors((0..slots).map(|_| p.zeros_like()).collect::<Result<_>>()?),
            })
        };
        let states = parameters.iter().map(state).collect::<Result<_>>()?;
        Ok(Optimizer { config, step: 0, parameters, states })
    }

    fn step(&mut self, store: &GradStore) -> Result<()> {
        let gradient = |p: &Var| match store.get(p) {
            Some(gradient) => Ok(Gradient::Tensor(gradient.clone())),
            None => bail!("a parameter of shape {:?} has no gradient", p.shape()),
        };
        let gradients = self.parameters.iter().map(gradient).collect::<Result<Vec<_>>>()?;
        self.step_with(&gradients)
    }

    fn learning_rate(&self) -> f64 {
        self.config.lr
    }

    fn set_learning_rate(&mut self, lr: f64) {
        self.config.lr = lr;
    }
}

impl Optimizer {
    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// One step: every parameter with its gradient, in the order in which the parameters were given.
    ///
    /// # Errors
    /// Where numbers or shapes of parameters, gradients and state differ.
    pub fn step_with(&mut self, gradients: &[Gradient<'_>]) -> Result<()> {
        if gradients.len() != self.states.len() {
            bail!("{} gradients for {} parameters", gradients.len(), self.states.len())
        }
        self.step += 1;
        let (OptimizerConfig { rule, lr }, t) = (self.config, self.step);
        // One after the other, all threads on each: a thread updates those rows of a weight whose gradient it has computed.
        for ((parameter, gradient), state) in self.parameters.iter().zip(gradients).zip(&mut self.states) {
            match (state, gradient) {
                (State::Host(slots), gradient) => {
                    let values = match gradient {
                        Gradient::Tensor(gradient) => &gradient.flatten_all()?.to_vec1::<f32>()?,
                        Gradient::Host(gradient) => *gradient,
                    };
                    parameter.inplace_op1(&HostStep { rule, lr, t, gradient: values, slots: RefCell::new(slots) })?;
                }
                (State::Tensors(slots), Gradient::Tensor(gradient)) => {
                    let change = rule.update_tensors(lr, t, gradient, slots)?;
                    parameter.set(&(parameter.as_tensor() - change)?)?;
                }
                (State::Tensors(_), Gradient::Host(_)) => bail!("a gradient of the kernels for another device's state"),
            }
        }
        Ok(())
    }

    /// The state, parameter by parameter and slot by slot, for a checkpoint.
    pub fn state(&self) -> impl Iterator<Item = Slot<'_>> {
        self.states.iter().flat_map(|state| {
            let (host, tensors) = match state {
                State::Host(slots) => (slots.as_slice(), [].as_slice()),
                State::Tensors(slots) => ([].as_slice(), slots.as_slice()),
            };
            host.iter().map(|slot| Slot::Host(slot)).chain(tensors.iter().map(Slot::Tensor))
        })
    }

    /// Puts back what [`Optimizer::steps`] and [`Optimizer::state`] gave.
    pub fn restore(&mut self, step: u64, saved: Vec<Tensor>) -> Result<()> {
        let mut saved = saved.into_iter();
        for state in &mut self.states {
            let slots = match state {
                State::Host(slots) => slots.len(),
                State::Tensors(slots) => slots.len(),
            };
            for i in 0..slots {
                let Some(tensor) = saved.next() else { bail!("the checkpoint holds too little optimiser state") };
                match state {
                    State::Host(slots) => {
                        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
                        if values.len() != slots[i].len() {
                            bail!("the checkpoint's optimiser state has another size than the model")
                        }
                        slots[i] = values;
                    }
                    State::Tensors(slots) => {
                        slots[i] = tensor.reshape(slots[i].shape())?.to_device(slots[i].device())?;
                    }
                }
            }
        }
        self.step = step;
        Ok(())
    }
}

/// The CPU step of one parameter: one pass over parameter, gradient and state.
struct HostStep<'a> {
    rule: Rule,
    lr: f64,
    t: u64,
    gradient: &'a [f32],
    // Candle hands the operation out by shared reference and the parameter alone as mutable.
    slots: RefCell<&'a mut Vec<Vec<f32>>>,
}

impl InplaceOp1 for HostStep<'_> {
    fn name(&self) -> &'static str {
        "optimizer-step"
    }

    fn cpu_fwd(&self, p: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(p), Some((start, end))) = (p, layout.contiguous_offsets()) else {
            bail!("the fast optimiser step takes contiguous f32 parameters")
        };
        let (p, g) = (&mut p[start..end], self.gradient);
        let mut slots = self.slots.borrow_mut();
        if p.len() != g.len() || slots.iter().any(|slot| slot.len() != p.len()) {
            bail!("a parameter of {} numbers has a gradient of {}", p.len(), g.len())
        }
        match (self.rule, slots.as_mut_slice()) {
            (Rule::Adam { beta1, beta2, eps }, [m, v]) => {
                let adam = adam::Adam { learning_rate: self.lr, beta1, beta2, eps };
                adam::step(Isa::best(), &adam, self.t, p, g, m, v);
            }
            (Rule::Rmsprop { .. } | Rule::Adagrad, [v]) => {
                let (rule, lr) = (self.rule, self.lr as f32);
                let chunks = p.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK)).zip(v.par_chunks_mut(CHUNK));
                chunks.for_each(|((p, g), v)| rule.scaled_step(lr, p, g, v));
            }
            (Rule::Sgd, _) => {
                let lr = self.lr as f32;
                p.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK)).for_each(|(p, g)| {
                    p.iter_mut().zip(g).for_each(|(p, g)| *p -= lr * g);
                });
            }
            (Rule::Adam { .. } | Rule::Rmsprop { .. } | Rule::Adagrad, _) => {
                bail!("an optimiser's state of another rule than {:?}", self.rule)
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;
    use candle_nn::Optimizer as _;

    use super::*;

    fn of(rule: Rule, p: &Var) -> Optimizer {
        Optimizer::new(vec![p.clone()], OptimizerConfig { rule, lr: 0.01 }).unwrap()
    }

    /// Three steps of `rule` on p = [1, -2, 0.5] with gradients t * [0.1, -0.2, 3].
    fn three_steps(rule: Rule, dtype: DType) -> Vec<f64> {
        let p =
            Var::from_tensor(&Tensor::new(&[1f64, -2.0, 0.5], &Device::Cpu).unwrap().to_dtype(dtype).unwrap()).unwrap();
        let mut optimizer = of(rule, &p);
        for t in 1..=3 {
            let g = (Tensor::new(&[0.1f64, -0.2, 3.0], &Device::Cpu).unwrap() * f64::from(t)).unwrap();
            optimizer.step_with(&[Gradient::Tensor(g.to_dtype(dtype).unwrap())]).unwrap();
        }
        p.to_dtype(DType::F64).unwrap().to_vec1().unwrap()
    }

    const RULES: [Rule; 4] =
        [Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 }, Rule::Sgd, Rule::Rmsprop { alpha: 0.99 }, Rule::Adagrad];

    #[test]
    fn every_rule_makes_the_steps_of_torch_optim() {
        // p = torch.tensor([1., -2., .5], dtype=torch.float64, requires_grad=True)
        // opt = torch.optim.Adam([p], lr=0.01)            # SGD, RMSprop, Adagrad likewise
        // for t in 1, 2, 3: p.grad = t * torch.tensor([.1, -.2, 3.], dtype=torch.float64); opt.step()
        for (rule, expected) in RULES.into_iter().zip(TORCH) {
            for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 3e-7)] {
                for (ours, theirs) in three_steps(rule, dtype).into_iter().zip(expected) {
                    assert!((ours - theirs).abs() < tolerance, "{rule:?} {dtype:?}: {ours} is not {theirs}");
                }
            }
        }
    }

    const TORCH: [[f64; 3]; 4] = [
        [0.97076816955448, -1.97076816852764, 0.47076816756926],
        [0.994, -1.988, 0.32],
        [0.7301174159932, -1.73011733519289, 0.23011725977921],
        [0.97303789084877, -1.9730378908407, 0.47303789083317],
    ];

    #[test]
    fn the_fast_step_on_many_chunks_equals_the_tensor_step() {
        let n = 3 * CHUNK + 17;
        let values = |scale: f32| (0..n).map(|i| scale * ((i % 97) as f32 - 48.0)).collect::<Vec<_>>();
        for rule in RULES {
            let start = Tensor::from_vec(values(0.01), n, &Device::Cpu).unwrap();
            let g = Tensor::from_vec(values(0.3), n, &Device::Cpu).unwrap();
            let fast = Var::from_tensor(&start).unwrap();
            let mut optimizer = of(rule, &fast);
            optimizer.step_with(&[Gradient::Tensor(g.clone())]).unwrap();
            let mut slots = vec![start.zeros_like().unwrap(); rule.slots()];
            let twin = (&start - rule.update_tensors(0.01, 1, &g, &mut slots).unwrap()).unwrap();
            let gap = (fast.as_tensor() - twin).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(gap < 1e-6, "{rule:?}: {gap}");
        }
    }

    #[test]
    fn state_that_is_saved_and_put_back_continues_to_the_same_bits() {
        for rule in RULES {
            let p = Var::new(&[1f32, -2.0, 0.5], &Device::Cpu).unwrap();
            let g = Tensor::new(&[0.1f32, -0.2, 3.0], &Device::Cpu).unwrap();
            let mut first = of(rule, &p);
            first.step_with(&[Gradient::Tensor(g.clone())]).unwrap();
            let q = Var::from_tensor(&p.as_tensor().copy().unwrap()).unwrap();
            let mut second = of(rule, &q);
            let tensor = |slot| match slot {
                Slot::Host(values) => Tensor::new(values, &Device::Cpu).unwrap(),
                Slot::Tensor(tensor) => tensor.clone(),
            };
            second.restore(first.steps(), first.state().map(tensor).collect()).unwrap();
            first.step_with(&[Gradient::Tensor(g.clone())]).unwrap();
            second.step_with(&[Gradient::Tensor(g)]).unwrap();
            assert_eq!(p.to_vec1::<f32>().unwrap(), q.to_vec1::<f32>().unwrap(), "{rule:?}");
        }
    }
}
