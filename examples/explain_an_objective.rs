//! Takes objectives apart without training: the weights a and b, and the effective beta between them.
//!
//!     cargo run --release --example explain_an_objective

use std::error::Error;

use vae_bench::explain::{Context, explain};
use vae_bench::spec::{RunSpec, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    for written in [
        "loss = 'bce'\nreduction = 'sum'",
        "loss = 'bce'\nreduction = 'mean'",
        "loss = 'mse'\nreduction = 'mean'",
        "loss = 'mse'\nreduction = 'mean'\nkl-reduction = 'mean'\nbeta = 4",
    ] {
        let spec = RunSpec::resolve(&Settings::parse(written)?)?;
        // Without data there is no prediction; with `data: Some(..)` the eigenvalues of the images give one.
        let on = Context { pixels: 28 * 28, data_variance: f64::NAN, data: None, carry_to: None };
        let found = explain(&spec, None, &on)?;
        println!("{}", written.replace('\n', ", "));
        println!("  {}", found.formula);
        println!("  a = {}, b = {}", found.recon_weight, found.kl_weight);
        match found.effective() {
            Some(weight) => println!("  {weight}"),
            None => println!("  no single number makes this objective comparable"),
        }
    }
    Ok(())
}
