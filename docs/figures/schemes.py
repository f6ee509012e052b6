"""Figures that show an idea. None of them shows a measurement; where one looks like a chart, it says so."""

from svg import BLUE, FROZEN, GREEN, INK, ORANGE, PALE_BLUE, PALE_GREEN, PALE_ORANGE, RULE, SOFT, Figure


def legend(figure, x, y, entries):
    """Small samples of stages with what they mean, in a row."""
    for kind, words in entries:
        figure.stages(x, y - 11, kind, width=13, height=14)
        figure.text(x + 20, y, words, "small", "start")
        x += 34 + 7.4 * len(words)


def transfer():
    figure = Figure(760, 324, "Early stages of a network trained on many images are copied into one for a new task")
    names = ["edges,\ncolours", "textures,\ncorners", "parts\nof things", "whole\nthings"]
    figure.text(20, 30, "Trained once, on a large data set", "strong", "start")
    figure.text(20, 312, "Your network, for a small data set", "strong", "start")
    for index, name in enumerate(names):
        x = 118 + index * 112
        late = index > 1
        figure.labelled(x, 48, 98, 62, name, PALE_BLUE, BLUE, "small")
        figure.labelled(x, 200, 98, 62, name, "#fff" if late else FROZEN, BLUE if late else SOFT, "small")
        figure.arrow([(x + 49, 112), (x + 49, 198)], BLUE, dashed=late)
        for y in (79, 231):
            figure.arrow([(x - 14, y), (x, y)])
    figure.labelled(20, 48, 84, 62, "1.3 million\nimages", kind="small")
    figure.labelled(20, 200, 84, 62, "a few\nhundred", kind="small")
    for y, words, fill, stroke in ((48, "1,000\nclasses", "#fff", BLUE), (200, "your\nclasses", PALE_ORANGE, ORANGE)):
        figure.arrow([(552, y + 31), (566, y + 31)])
        figure.labelled(566, y, 98, 62, words, fill, stroke, "small")
    figure.text(615, 146, "not copied:\na new head", "small orange")
    figure.text(223, 282, "kept as they are", "small soft")
    figure.text(447, 282, "kept, then trained gently", "small blue")
    figure.text(615, 282, "trained first", "small orange")
    figure.text(712, 79, "source", "small soft")
    figure.text(712, 231, "target", "small soft")
    return figure


def audit():
    figure = Figure(760, 236, "Files are examined, copies found, labels judged; out come a page, a list of corrections and features")
    steps = [
        ("images", "all splits", "#fff", RULE), ("files", "read and\nexamined", PALE_BLUE, BLUE),
        ("copies", "nearest images\nlaid over\none another", PALE_BLUE, BLUE),
        ("labels", "judged by images\nthat are no copies", PALE_BLUE, BLUE),
    ]
    for index, (name, words, fill, stroke) in enumerate(steps):
        x = 16 + index * 142
        figure.box(x, 46, 122, 104, fill, stroke)
        figure.text(x + 61, 70, name, "mono strong")
        figure.text(x + 61, 96, words, "small")
        if index:
            figure.arrow([(x - 20, 98), (x - 1, 98)], thickness=2)
    for y, words in ((22, "page: look"), (88, "exclude.toml:\nwhat is certain"), (154, "features:\nfor the run")):
        figure.labelled(612, y, 132, 50, words, PALE_GREEN, GREEN, "small")
        figure.arrow([(564, 98), (590, 98), (590, y + 25), (611, y + 25)], GREEN)
    figure.text(290, 186, "copies are held out together:", "small soft")
    figure.text(290, 204, "a copy of a wrong label would confirm it", "small soft")
    return figure


def five_steps():
    figure = Figure(760, 232, "The five steps: load, freeze, head, train-head, fine-tune, with the stages frozen or live in each")
    steps = [
        ("load", "oooos", "weights of\nthe source"), ("freeze", "fffos", "early stages\nstay as they are"),
        ("head", "fffon", "a new head for\nthe new classes"), ("train-head", "ffffh", "only the head\nlearns"),
        ("fine-tune", "ffflh", "chosen stages\nlearn, gently"),
    ]
    for index, (name, kinds, words) in enumerate(steps):
        x = 14 + index * 148
        figure.box(x, 18, 140, 160)
        figure.text(x + 70, 42, name, "mono strong")
        figure.stages(x + 17, 58, kinds, width=18, height=50, gap=4)
        figure.text(x + 70, 136, words, "small")
        if index:
            figure.arrow([(x - 8, 83), (x + 1, 83)], thickness=2)
    legend(figure, 22, 208, [("o", "from the source"), ("f", "frozen"), ("l", "live stage"), ("s", "source's head"),
                             ("n", "new head, random"), ("h", "head, live")])
    return figure


def data():
    figure = Figure(760, 330, "From folders or a list to batches: labels and splits, decoding, augmentation, preparation, batch")
    figure.text(20, 28, "Folders", "strong", "start")
    figure.box(20, 38, 150, 112)
    figure.text(32, 58, "train/ants/\ntrain/bees/\nval/ants/\nval/bees/", "mono", "start")
    figure.text(20, 184, "or a list", "strong", "start")
    figure.box(20, 194, 150, 96)
    figure.text(32, 214, "path,label\na/1.png,ants\na/2.png,bees\n...", "mono", "start")
    figure.arrow([(172, 94), (196, 94), (196, 150), (214, 150)])
    figure.arrow([(172, 242), (196, 242), (196, 178), (214, 178)])
    figure.labelled(214, 118, 116, 92, "a label and\na split for\neach image", PALE_BLUE, BLUE, "small")
    figure.text(272, 234, "left out: one line\neach, with the reason", "small soft")
    lanes = [(52, "training"), (144, "validation"), (236, "test")]
    for y, name in lanes:
        figure.arrow([(332, 164), (350, 164), (350, y + 20), (362, y + 20)])
        figure.labelled(362, y, 82, 40, name, kind="small")
        figure.arrow([(446, y + 20), (462, y + 20)])
        figure.labelled(462, y, 62, 40, "decode", kind="small")
    figure.arrow([(526, 72), (540, 72)])
    figure.labelled(540, 46, 92, 52, "augment\n(random)", PALE_ORANGE, ORANGE, "small")
    figure.arrow([(634, 72), (648, 72)])
    for y in (164, 256):
        figure.arrow([(526, y), (648, y)])
    figure.labelled(648, 46, 94, 236, "one size,\nnormalised,\nin batches\n\n[N, 3, H, W]", PALE_GREEN, GREEN, "small")
    figure.text(587, 118, "training images only", "tiny soft")
    figure.text(552, 310, "the test split is read once, at the end", "small soft")
    return figure


def configuration():
    figure = Figure(760, 250, "The tables of a configuration and the steps that read them")
    columns = [("load", 180), ("freeze", 292), ("head", 404), ("train-head", 516), ("fine-tune", 628)]
    for name, x in columns:
        figure.labelled(x, 20, 106, 34, name, kind="mono strong")
    rows = [
        ("[model]", "network and source weights", [0], PALE_BLUE, BLUE),
        ("[finetune]", "how far back, how gently", [1, 2, 3, 4], FROZEN, SOFT),
        ("[data] [augment]", "images, and variations of them", [2, 3, 4], PALE_GREEN, GREEN),
        ("[train] [regularize]", "the loop, and against overfitting", [3, 4], PALE_ORANGE, ORANGE),
        ("[run]", "name, seed, device, threads, cache", [0, 1, 2, 3, 4], "#fff", SOFT),
    ]
    for index, (name, words, reads, fill, stroke) in enumerate(rows):
        y = 64 + index * 30
        figure.text(170, y + 16, name, "mono", "end")
        left, right = columns[reads[0]][1], columns[reads[-1]][1] + 106
        narrow = len(reads) == 1
        figure.labelled(left, y, right - left, 24, "" if narrow else words, fill, stroke, "small")
        if narrow:
            figure.text(right + 10, y + 16, words, "small", "start")
    figure.text(170, 234, "[compare]", "mono", "end")
    figure.text(180, 234, "all of this many times, under several settings and seeds", "small", "start")
    return figure


def families():
    figure = Figure(760, 744, "A timeline of twelve families, 1998 to 2022, with the problem that each solved and its answer")
    entries = [
        ("1998", "LeNet", "too many pixels for one layer that sees them all", "the same small filter at every position"),
        ("2012", "AlexNet", "deep networks did not train on photographs", "ReLU, dropout, augmentation, GPUs"),
        ("2014", "VGG", "which filter sizes, and how many?", "only 3x3, stacked; depth is what is left to choose"),
        ("2014", "Inception", "which filter size at this position?", "all side by side, made cheap by 1x1 convolutions"),
        ("2015", "ResNet", "more depth made even training worse", "shortcuts: a block adds to its own input"),
        ("2016", "DenseNet", "a sum hides what early layers saw", "every layer reads all before it, side by side"),
        ("2018", "MobileNet", "too many multiplications for a telephone", "depthwise convolutions between narrow layers"),
        ("2019", "EfficientNet", "deeper, wider, or larger images?", "all three, in one fixed proportion"),
        ("2020", "RegNet", "a searched network teaches no rule", "search for the rule: widths on a line"),
        ("2020", "ViT", "what lies far apart meets only after many layers", "patches as tokens, each of which looks at every other"),
        ("2021", "Swin", "attention among all costs the square of their number", "windows, shifted from block to block"),
        ("2022", "ConvNeXt", "was it attention, or all else that transformers do?", "all else, one step at a time, without attention"),
    ]
    figure.text(226, 30, "what did not work, and → what solved it", "small soft", "start")
    figure.line([(84, 46), (84, 728)], RULE, thickness=3)
    for index, (year, name, problem, answer) in enumerate(entries):
        y = 66 + index * 58
        figure.dot(84, y, 7, BLUE)
        figure.text(64, y + 5, year, "soft", "end")
        figure.text(104, y + 5, name, "strong", "start")
        figure.text(226, y - 4, problem, "small soft", "start")
        figure.text(226, y + 15, "→ " + answer, "small", "start")
        if index:
            figure.line([(104, y - 30), (740, y - 30)], RULE, thickness=1)
    return figure


def cut():
    figure = Figure(760, 286, "A cut divides the network: frozen stages compute features once, live stages train on them in every epoch")
    figure.box(20, 40, 366, 130, "#fff", SOFT, dashed=True)
    figure.box(478, 40, 262, 130, "#fff", SOFT, dashed=True)
    figure.text(203, 28, "frozen prefix: once for each image", "strong")
    figure.text(609, 28, "live: in every epoch", "strong")
    figure.labelled(36, 76, 62, 58, "image", kind="small")
    for index in range(3):
        x = 118 + index * 88
        figure.arrow([(x - 20, 105), (x, 105)])
        figure.labelled(x, 66, 70, 78, f"stage {index + 1}", FROZEN, SOFT, "small")
    figure.arrow([(364, 105), (398, 105)])
    figure.labelled(398, 72, 68, 66, "features,\ncached", PALE_GREEN, GREEN, "small")
    figure.line([(432, 40), (432, 66)], ORANGE, dashed=True, thickness=2)
    figure.line([(432, 144), (432, 172)], ORANGE, dashed=True, thickness=2)
    figure.text(432, 192, "cut", "small orange")
    figure.arrow([(468, 105), (494, 105)])
    for x, words, fill, stroke in ((494, "stage 4", BLUE, BLUE), (578, "head", ORANGE, ORANGE)):
        figure.labelled(x, 66, 68, 78, words, fill, stroke, "small white")
    figure.arrow([(564, 105), (578, 105)])
    figure.arrow([(648, 105), (664, 105)])
    figure.labelled(664, 76, 62, 58, "loss", kind="small")
    figure.arrow([(695, 136), (695, 158), (528, 158), (528, 146)], ORANGE)
    figure.text(612, 192, "gradients end at the cut", "small orange")
    figure.text(20, 228, "Frozen stages and unchanging images give the same features in every epoch. They are computed once", "small", "start")
    figure.text(20, 246, "and kept in memory and on disk. Random augmentation changes the image, and with it the features;", "small", "start")
    figure.text(20, 264, "a fixed number of views of each image keeps them reusable.", "small", "start")
    return figure


def depth_map():
    figure = Figure(760, 376, "How far back: few or many images, like or unlike those of the source")
    figure.text(264, 28, "few images", "strong")
    figure.text(584, 28, "many images", "strong")
    figure.text(20, 116, "like the\nsource's", "strong", "start")
    figure.text(20, 266, "unlike the\nsource's", "strong", "start")
    fields = [
        (110, 42, "ffffh", "the head alone", 'depth = "head"'),
        (430, 42, "llllh", "all stages, gently", 'depth = "all"'),
        (110, 192, "ffffh", "the head alone, or a smaller\nnetwork; expect little", 'depth = "head"'),
        (430, 192, "llllh", "all stages, at the full\nlearning rate", 'depth = "all", rate_scale = 1'),
    ]
    for x, y, kinds, words, key in fields:
        figure.box(x, y, 308, 138)
        figure.stages(x + 20, y + 18, kinds, width=20, height=44, gap=5)
        figure.text(x + 20, y + 84, words, "small", "start")
        figure.text(x + 20, y + 124, key, "mono soft", "start")
    legend(figure, 110, 358, [("f", "frozen"), ("l", "live stage"), ("h", "head, live")])
    return figure


def advise():
    figure = Figure(760, 262, "finetune advise: one pass of the images, a linear probe after each stage, a rule, a depth and a learning rate")
    figure.labelled(20, 18, 84, 56, "some 500\nimages", kind="small")
    bars = [24, 40, 62, 76, 70]
    for index, value in enumerate(bars):
        x = 126 + index * 92
        name = "pixels" if index == 0 else f"stage {index}"
        figure.arrow([(x - 22, 46), (x, 46)])
        figure.labelled(x, 18, 70, 56, name, "#fff" if index == 0 else FROZEN, SOFT, "small")
        figure.arrow([(x + 35, 76), (x + 35, 102)])
        figure.box(x + 23, 184 - value, 24, value, BLUE, BLUE, radius=1)
        figure.line([(x + 8, 184), (x + 62, 184)], RULE)
    figure.text(338, 208, "accuracy of a linear classifier on the features after each stage", "small")
    figure.text(338, 226, "(a sketch, not a measurement)", "tiny soft")
    figure.arrow([(574, 144), (604, 144)])
    figure.labelled(604, 102, 136, 84, "a fixed rule:\nprobe accuracies,\nnumber of images,\nsize of the network", PALE_GREEN, GREEN, "small")
    figure.arrow([(672, 188), (672, 212)])
    figure.labelled(604, 212, 136, 34, "depth, rate_scale", PALE_ORANGE, ORANGE, "mono")
    return figure


def gpu():
    figure = Figure(760, 236, "On a GPU the processor prepares the next batches while the device computes; losses are read twenty steps at a time")
    lanes = [(52, "CPU threads"), (106, "copy, pinned"), (160, "GPU")]
    for y, name in lanes:
        figure.text(116, y + 22, name, "small", "end")
        figure.line([(126, y + 38), (740, y + 38)], RULE, thickness=1)
    for index in range(5):
        x = 130 + index * 104
        figure.labelled(x, 54, 96, 30, f"prepare {index + 1}", PALE_BLUE, BLUE, "tiny")
        if index < 5:
            figure.labelled(x + 98, 108, 40, 30, str(index + 1), PALE_GREEN, GREEN, "tiny")
        if index < 4:
            figure.labelled(x + 140, 162, 100, 30, f"step {index + 1}", PALE_ORANGE, ORANGE, "tiny")
    figure.arrow([(140, 222), (740, 222)])
    figure.text(126, 226, "time", "small soft", "end")
    figure.text(20, 30, "Three things at the same time; losses are read 20 steps at a time", "strong", "start")
    return figure


def comparing():
    figure = Figure(760, 296, "Two settings measured on the same images: their own intervals overlap, the interval of their difference does not contain zero")
    figure.text(20, 28, "Each setting for itself", "strong", "start")
    figure.text(412, 28, "Their difference, pair by pair", "strong", "start")
    for y, name, middle, half in ((88, "setting A", 170, 92), (148, "setting B", 222, 88)):
        figure.text(20, y - 16, name, "small", "start")
        figure.line([(middle - half, y), (middle + half, y)], BLUE, thickness=2.4)
        for end in (middle - half, middle + half):
            figure.line([(end, y - 7), (end, y + 7)], BLUE, thickness=2.4)
        figure.dot(middle, y, 6, BLUE)
    figure.line([(60, 184), (340, 184)], SOFT)
    figure.text(200, 204, "accuracy", "small soft")
    figure.line([(470, 60), (470, 190)], INK, dashed=True)
    figure.text(470, 204, "0", "small")
    figure.line([(500, 118), (620, 118)], ORANGE, thickness=2.4)
    for end in (500, 620):
        figure.line([(end, 111), (end, 125)], ORANGE, thickness=2.4)
    figure.dot(560, 118, 6, ORANGE)
    figure.text(560, 98, "B minus A, 95 % interval", "small orange")
    figure.line([(430, 184), (720, 184)], SOFT)
    figure.text(600, 204, "difference, in points", "small soft")
    figure.text(20, 240, "The intervals on the left overlap, for what makes an image hard or a seed unlucky is in both of them. In the", "small", "start")
    figure.text(20, 258, "difference it cancels out: here zero lies outside, so B is better by more than chance.", "small", "start")
    figure.text(20, 280, "A sketch, not a measurement.", "tiny soft", "start")
    return figure


def regularization():
    figure = Figure(760, 372, "One training step, and where each technique acts: image, mixing, stages, targets, loss, gradients, weights, epoch")
    columns = [
        ("image", "augment\n\nflip, crop,\nturn, colour,\nerase", PALE_GREEN, GREEN),
        ("batch", "mixup\ncutmix", PALE_GREEN, GREEN),
        ("live stages", "dropout\nstochastic depth\nbatch statistics", PALE_BLUE, BLUE),
        ("loss", "label smoothing\nclass weights", PALE_ORANGE, ORANGE),
        ("penalties", "L1\nL2-SP, DELTA\nspectral shrinkage\nCo-Tuning", PALE_ORANGE, ORANGE),
    ]
    for index, (name, words, fill, stroke) in enumerate(columns):
        x = 20 + index * 148
        figure.labelled(x, 34, 126, 44, name, fill, stroke, "strong")
        figure.text(x + 63, 102, words, "small")
        if index:
            figure.arrow([(x - 20, 56), (x - 1, 56)] if index != 4 else [(x - 1, 56), (x - 20, 56)], thickness=2)
    figure.text(664, 22, "added to the loss", "tiny soft")
    figure.arrow([(527, 148), (527, 186), (83, 186), (83, 208)], ORANGE, thickness=2)
    figure.text(300, 178, "backward", "small orange")
    below = [
        ("gradients", "clipping\n(value, then norm)"), ("optimizer step", "weight decay"),
        ("weights", "max-norm"), ("average", "EMA, SWA"), ("end of epoch", "early stopping"),
    ]
    for index, (name, words) in enumerate(below):
        x = 20 + index * 148
        figure.labelled(x, 210, 126, 44, name, "#fff", SOFT, "strong")
        figure.text(x + 63, 278, words, "small")
        if index:
            figure.arrow([(x - 20, 232), (x - 1, 232)], thickness=2)
    figure.text(20, 334, "What acts behind the cut works on cached features too. What changes pixels does not: augmentation (unless", "small", "start")
    figure.text(20, 352, "it draws a fixed number of views) and mixing.", "small", "start")
    return figure
