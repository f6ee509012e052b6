/// How the advice fared against real runs; docs/search.md has the figures.
pub const STANDING: &str = "On nine data sets that it was not made on, with 20 images of each class and one seed, the advice gains 6.5 points over \
     the head alone (95 % interval +1.5 to +11.8). At worst it is 2.5 points below the head. With 5 of each it gains 6.0 (+1.5 to +11.2), at worst \
     it is 2.0 below. Training everything gently with a head on three middle stages gains 11.7 with 20 of each, for some forty times the time: a search tries that, too.";
