use super::isas;
use crate::dispatch::{Isa, IsaRefused};
use std::ffi::OsStr;

#[test]
fn every_name_is_read_back_as_the_instruction_set_that_has_it() {
    for isa in Isa::ALL {
        assert_eq!(isa.to_string().parse(), Ok(isa));
    }
    assert_eq!("AVX2".parse::<Isa>(), Err(IsaRefused::Unknown("AVX2".to_owned())));
}

#[test]
fn the_variable_chooses_what_the_processor_has_and_nothing_else() {
    assert_eq!(Isa::choice(None), Ok(None));
    assert_eq!(Isa::choice(Some(OsStr::new(""))), Ok(None));
    for isa in Isa::ALL {
        let choice = Isa::choice(Some(OsStr::new(isa.name())));
        let available = isas().any(|available| available == isa);
        assert_eq!(choice, if available { Ok(Some(isa)) } else { Err(IsaRefused::Unavailable(isa)) });
    }
}

#[test]
fn a_refusal_names_the_variable_the_value_and_the_remedy() {
    let message = IsaRefused::Unknown("sse9\n".to_owned()).to_string();
    assert!(message.contains(r#"VAE_BENCH_ISA: no instruction set is called "sse9\n"; choose from "#), "{message}");
    assert!(message.contains("portable"), "{message}");
    let message = IsaRefused::Unavailable(Isa::Avx512).to_string();
    assert!(message.contains("VAE_BENCH_ISA: this processor lacks avx512; choose from "), "{message}");
}
