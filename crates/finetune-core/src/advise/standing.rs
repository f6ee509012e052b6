/// How the advice fared against real runs; docs/search.md has the figures.
pub const STANDING: &str = "On nine data sets that it was not made on, with 20 images of each class and one seed, the advice gains 6.6 points over \
     the head alone (95 % interval +1.2 to +12.2). At worst it is 3.7 points below the head. With 5 of each it gains 6.1 (+1.6 to +11.3), at worst \
     it is 2.0 below. Training everything gently with a head on three middle stages gains 11.7 with 20 of each, for some forty times the time: a search tries that, too.";
