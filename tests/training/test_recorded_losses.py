"""Fixed-seed training losses against recorded ones, in float64: a refactoring leaves them, on every processor.

In float32 a processor's vector length, its fused multiply-adds and its kernels for batch normalization move the third
digit of a loss within twelve steps. In float64 the same differences stay below the twelfth, so one tolerance serves
AVX2, AVX-512, AMX and Arm, and every version of torch. Not recorded: dropout, as torch draws its masks with another
generator on Intel's processors than on others.
"""

import pytest
from helpers import rows, run

# Mean losses of steps 1 to 4, 5 to 8 and 9 to 12 on digits at batch 32. A change that should not move the numbers
# leaves them; one that should, says so and records them anew.
RECORDED = {
    "model=softmax": [3.820924883261524, 3.1460993291667387, 2.5464108647436317],
    "model=mlp": [2.6921689974773404, 2.045875887684808, 1.574365944651183],
    "model=lenet": [2.2347951476515973, 2.135201381642667, 2.0516580473491826],
    "model=lenet model.activation=sigmoid model.pooling=average": [
        2.392051281564714,
        2.358370850667146,
        2.342890105138512,
    ],
    "model=lenet optimizer=adam schedule=cosine regularization.weight_decay=0.01": [
        2.2329281591113768,
        2.168206703416596,
        2.121269939351713,
    ],
    "model=lenet trainer.accumulate=2 trainer.clip_norm=0.5": [
        2.2646957236026384,
        2.220801569043236,
        2.1796385580438833,
    ],
    "model=bn_lenet": [2.131514619421523, 1.7522642782193358, 1.487387376996625],
    "model=bn_lenet trainer.accumulate=3 layers=scratch": [2.2454953809715024, 1.925673283434559, 1.6442457231189465],
    "model=mlp regularization.l2=0.1 regularization.label_smoothing=0.1": [
        2.56139979042473,
        2.0077736054263378,
        1.591869904719795,
    ],
    "model=resnet18 model.stem=small data.image_size=8 data.batch_size=8 "
    "optimizer=momentum optimizer.lr=0.002 augment=flip_crop": [
        3.5717446231041414,
        4.094686949090224,
        4.2662467484139475,
    ],
    "data=synthetic_regression model=linear init=normal loss=squared optimizer.lr=0.03": [
        15.15459531067659,
        12.84337025789012,
        11.425373861296428,
    ],
}
COMMON = (
    "data.batch_size=32",
    "trainer.steps=12",
    "trainer.log_every=4 steps",
    "trainer.evaluate_every=12 steps",
    "trainer.evaluate_batches=1",
    "trainer.test=never",
)


@pytest.mark.parametrize("case", RECORDED)
def test_fixed_seed_losses_are_as_recorded(case, double, tmp_path):
    result = run(tmp_path, *COMMON, *case.split())
    losses = [row["train/loss"] for row in rows(result.record.folder) if "train/loss" in row]
    assert losses == pytest.approx(RECORDED[case], rel=1e-10)
