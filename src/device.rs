//! Where tensors live: the processor, or an accelerator that this build was made for.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;

use crate::error::{Error, Result};

/// A device as typed: `cpu`, `cuda:N` or `metal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The processor.
    Cpu,
    /// The NVIDIA card of this number.
    Cuda(usize),
    /// Apple's graphics processor.
    Metal,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" => Ok(DeviceChoice::Cuda(0)),
            "metal" => Ok(DeviceChoice::Metal),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(DeviceChoice::Cuda)
                .ok_or_else(|| "write cpu, cuda:0 (or another card's number) or metal".to_owned()),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Cuda(n) => write!(f, "cuda:{n}"),
            DeviceChoice::Metal => f.write_str("metal"),
        }
    }
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// [`Error::Usage`] where this build or this machine has none such.
    pub fn open(self) -> Result<Device> {
        let missing = |feature: &str| {
            Error::Usage(format!(
                "--device {self}: this build has no {feature} support; build with `cargo build --release --features \
                 {feature}`, or use --device cpu"
            ))
        };
        let absent = |e: candle_core::Error| {
            let why = e.to_string();
            let why = why.lines().next().unwrap_or_default().to_owned();
            Error::Usage(format!("--device {self}: no such device on this machine ({why}); use --device cpu"))
        };
        match self {
            DeviceChoice::Cpu => Ok(Device::Cpu),
            DeviceChoice::Cuda(_) if !cfg!(feature = "cuda") => Err(missing("cuda")),
            DeviceChoice::Metal if !cfg!(feature = "metal") => Err(missing("metal")),
            DeviceChoice::Cuda(n) => Device::new_cuda(n).map_err(absent),
            DeviceChoice::Metal => Device::new_metal(0).map_err(absent),
        }
    }
}
