/// How the advice fared against real runs; docs/search.md has the figures.
pub const STANDING: &str = "On nine data sets that it was not made on, with 20 images of each class and one seed, the advice gains 5.8 points over \
     the head alone (95 % interval +0.8 to +11.3). At worst it is 3.0 points below the head. With 5 of each it gains 4.1 (-0.8 to +9.7), at worst \
     it is 7.8 below. Training everything gently with a head on three middle stages gains 11.7 with 20 of each, for some forty times the time: a search tries that, too.";
