//! An input below the smallest that a network of the zoo declares is refused.

use backbone::Network;
use finetune_core::recipe;
use records::{Interrupt, Session};
use run_config::{read, resolve};

/// Whatever the network, an input below its smallest is refused with what to do, before anything is built.
#[test]
fn an_input_below_the_smallest_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        std::fs::create_dir_all(folder.path().join(class)).unwrap();
        for number in 0..3 {
            image::RgbImage::new(4, 4).save(folder.path().join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    for network in zoo::networks() {
        let Network { name, smallest_input, .. } = network;
        let channels = (network.input)().channels;
        let side = smallest_input - 1;
        let text = format!(
            "[data]\nroot = {:?}\n[data.input]\nresize = {side}\ncrop = {side}\ninterpolation = \"bilinear\"\n\
             channels = {channels}\nmean = {mean:?}\nstd = {mean:?}\n[model]\narch = {name:?}\nweights = \"none\"\n\
             [finetune]\ndepth = \"scratch\"\n[run]\ndevice = \"cpu\"\n",
            folder.path().display().to_string(),
            mean = vec![0.5; channels.into()],
        );
        let path = folder.path().join("c.toml");
        std::fs::write(&path, text).unwrap();
        let (config, source) = read(&path, &[]).unwrap();
        let run = resolve(config, source).unwrap();
        let Err(error) = recipe::gather(
            &run,
            &team::Team::alone(),
            &mut Session { interrupt: &Interrupt::default(), listener: &mut |_| {} },
        ) else {
            panic!("{name}")
        };
        let said = error.to_string();
        for part in ["c.toml:3:1", name, &smallest_input.to_string(), &side.to_string()] {
            assert!(said.contains(part), "{name}: {part} is not in {error}");
        }
    }
}
