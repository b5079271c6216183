//! The engine, the number type and the device of a model's tensors.

use candle_core::{DType, Device, Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What computes a pass and its gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// this program's kernels, one operation per network: on the CPU, the same bytes at any number of threads
    Fused,
    /// candle_nn's layers and Candle's own gradients: about ten times slower on the CPU, and the only one on a GPU
    Candle,
}

/// Where tensors live and what computes with them.
#[derive(Clone, Debug)]
pub struct Backend {
    engine: Engine,
    dtype: DType,
    device: Device,
}

impl Backend {
    /// The fused kernels in `f32` on the CPU.
    pub const FUSED: Backend = Backend { engine: Engine::Fused, dtype: DType::F32, device: Device::Cpu };

    /// A backend of these parts.
    ///
    /// # Errors
    /// Where the fused engine is asked for anything but `f32` on the CPU.
    pub fn new(engine: Engine, dtype: DType, device: &Device) -> Result<Self> {
        match (engine, dtype, device) {
            (Engine::Candle, _, _) | (Engine::Fused, DType::F32, Device::Cpu) => {
                Ok(Backend { engine, dtype, device: device.clone() })
            }
            (Engine::Fused, _, _) => bail!("the fused engine computes in f32 on the CPU alone"),
        }
    }

    /// What computes.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The type of all numbers.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Where tensors live.
    pub fn device(&self) -> &Device {
        &self.device
    }
}
