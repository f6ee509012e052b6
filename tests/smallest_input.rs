//! An input below the smallest that a network of the zoo declares is refused.

use backbone::Network;
use finetune_core::{config, recipe, run};
use records::Interrupt;

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
        let (config, source) = config::read(&path, &[]).unwrap();
        let run = run::resolve(config, source).unwrap();
        let Err(error) = recipe::gather(&run, &Interrupt::default(), &mut |_| {}) else { panic!("{name}") };
        let says =
            format!("{name} reads pictures of at least {smallest_input} pixels a side, and crop is {side}");
        assert!(error.to_string().contains(&says), "{name}: {error}");
    }
}
