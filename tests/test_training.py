from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from legal_games import legal_games
from safetensors import safe_open
from safetensors.torch import load_file

from chessgru import data_parallel
from chessgru.batches import batches_of, pad
from chessgru.checkpoint import load_checkpoint, save_checkpoint
from chessgru.errors import CheckpointError, SettingsError
from chessgru.model import Context, ModelConfig, MoveGRU
from chessgru.planes import NO_MOVE
from chessgru.replay import replay
from chessgru.sequences import encode
from chessgru.training import Progress, Trainer, TrainingConfig, hold_out

TINY = ModelConfig(channels=8, blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8)
SHORT = TrainingConfig(
    passes=3.0, plies_per_batch=256, warmup=3, validate_every=4, style_games=10, learning_rate=5e-3
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data():
    return hold_out(encode(legal_games(60)), 6, seed=0)


def trainer(data, folder, config=SHORT, model=TINY):
    return Trainer(*data, folder, model=model, config=config)


def run_of(folder: Path) -> dict[str, bytes | str]:
    """All that a run wrote: every tensor bit by bit, and its state. The order in the file is chance."""
    with safe_open(folder / "run.safetensors", framework="np") as file:
        found = {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118
        return found | file.metadata()


def test_the_loss_falls_below_that_of_a_guess(data, tmp_path):
    losses: list[float] = []
    scores = trainer(data, tmp_path, replace(SHORT, passes=6.0)).run(lambda p: losses.append(p.loss))
    assert np.mean(losses[-5:]) < np.mean(losses[:3]) - 0.3
    assert scores["nll"] < np.mean(losses[:3]) - 0.3
    assert 0 < scores["top1"] < 1


def test_one_seed_gives_one_result_and_another_gives_another(data, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        trainer(data, tmp_path / name, replace(SHORT, passes=1.0, seed=seed)).run()
    model = {name: (tmp_path / name / "weights.safetensors").read_bytes() for name in "abc"}
    assert model["a"] == model["b"] != model["c"]


def test_a_run_that_stops_and_goes_on_ends_with_the_same_bits(data, tmp_path):
    trainer(data, tmp_path / "whole").run()
    steps = trainer(data, tmp_path / "whole").steps
    for stop in (5, steps - 1):  # neither is a step that validates
        part = trainer(data, tmp_path / "parts")
        part.run(stop_at=stop)
        part.save_run()
    trainer(data, tmp_path / "parts").run()
    assert run_of(tmp_path / "whole") == run_of(tmp_path / "parts")
    best = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "parts")]
    assert best[0] == best[1]


_RUN = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {tests!r})
from test_training import SHORT, TINY, trainer
from chessgru.sequences import encode
from chessgru.training import hold_out
from legal_games import legal_games
data = hold_out(encode(legal_games(60)), 6, seed=0)
trainer(data, Path(sys.argv[1])).run(lambda progress: print(progress.step, flush=True))
"""


def _start(folder: Path) -> subprocess.Popen[str]:
    code = _RUN.format(tests=str(Path(__file__).parent))
    root = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        env=os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_run_killed_at_any_time_ends_with_the_same_bits(data, tmp_path):
    trainer(data, tmp_path / "whole").run()
    rng = random.Random(time.time_ns())
    for _ in range(2):
        process = _start(tmp_path / "killed")
        wanted = rng.randrange(3, 10)
        for line in process.stdout or ():
            if int(line) >= wanted:
                break
        time.sleep(rng.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    trainer(data, tmp_path / "killed").run()
    assert not list((tmp_path / "killed").glob(".*"))  # what a half-written file left
    assert run_of(tmp_path / "whole") == run_of(tmp_path / "killed")


_TOGETHER = """
import os
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {tests!r})
from test_training import two_steps
from chessgru import data_parallel
from chessgru.sequences import encode
from chessgru.training import hold_out
from legal_games import legal_games
data = hold_out(encode(legal_games(60)), 6, seed=0)
with data_parallel.begin():
    loss, gradients, step = two_steps(data, Path(sys.argv[1]))
    said = (data_parallel.processes(), step, loss, gradients)
    torch.save(said, Path(sys.argv[2]) / os.environ["RANK"])
"""


def two_steps(data, folder):
    """Trains for two steps: the second's loss, and the first's gradients, as both depend on all games."""
    one, losses = trainer(data, folder, replace(SHORT, validate_every=2)), []
    one.run(lambda progress: losses.append(progress.loss), stop_at=1)
    gradients = {name: each.grad.clone() for name, each in one.parameters.items()}
    one.run(lambda progress: losses.append(progress.loss), stop_at=2)
    return losses[1], gradients, one.step


def momenta_of(folder):
    """Muon's momenta in a run's file."""
    tensors = load_file(folder / "run.safetensors")
    return {name: value for name, value in tensors.items() if name.endswith(".momentum")}


def test_three_processes_learn_what_one_learns(data, tmp_path):
    loss, gradients, _ = two_steps(data, tmp_path / "alone")
    script = tmp_path / "together.py"
    script.write_text(_TOGETHER.format(tests=str(Path(__file__).parent)))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "3"]
    done = subprocess.run(
        [*torchrun, str(script), str(tmp_path / "together"), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for rank in "012":  # the same everywhere
        processes, step, other_loss, other_gradients = torch.load(tmp_path / rank)
        assert (processes, step) == (3, 2)
        assert other_loss == pytest.approx(loss, abs=1e-4)
        for name, gradient in gradients.items():
            torch.testing.assert_close(other_gradients[name], gradient, rtol=1e-3, atol=1e-6)
    momenta = [momenta_of(tmp_path / folder) for folder in ("alone", "together")]
    assert all(each.any() for each in momenta[0].values())
    for name, momentum in momenta[0].items():  # each process had some of them
        torch.testing.assert_close(momenta[1][name], momentum, rtol=1e-3, atol=1e-6)
    for folder in ("alone", "together"):  # the first process wrote, and what it wrote can be read
        assert {path.name for path in (tmp_path / folder).iterdir()} == {
            "run.safetensors",
            "weights.safetensors",
            "config.json",
        }
        load_checkpoint(tmp_path / folder)


def test_games_are_dealt_out_evenly_and_each_once(monkeypatch):
    plies = np.random.default_rng(0).integers(1, 200, 41)
    monkeypatch.setattr(data_parallel.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(data_parallel.dist, "get_world_size", lambda: 4)
    parts = []
    for rank in range(4):
        monkeypatch.setattr(data_parallel.dist, "get_rank", lambda rank=rank: rank)
        parts.append(data_parallel.own_part(plies))
    assert sorted(np.concatenate(parts)) == list(range(41))
    loads = [plies[part].sum() for part in parts]
    assert max(loads) - min(loads) < 0.03 * sum(loads)
    assert len(data_parallel.own_part(plies[:2])) == 0  # the fourth of four, and two games


def test_masters_unrated_games_and_frequent_players_are_part_of_fewer_passes(tmp_path):
    """2400 and above, or no rating at all: the share; a player of many games: the cap over his games."""
    ratings = [(2400, 1500), (None, None), (2399, None), (1500, 1500)]
    games = [
        replace(game, white=f"{number}", black=f"{number}b", white_rating=white, black_rating=black)
        for number, (game, (white, black)) in enumerate(zip(legal_games(4), ratings, strict=True))
    ]
    many = enumerate(legal_games(10, seed=1))
    frequent = [replace(game, white="Anna", black=f"{number}c") for number, game in many]
    sequences = encode(games + frequent)
    config = replace(SHORT, master_share=0.25, player_cap=5)
    shares = Trainer(sequences, sequences, tmp_path, model=TINY, config=config).share
    assert shares[:4].tolist() == [0.25, 0.25, 1, 1]
    rated = sequences.ratings[4:].max(1) > 0
    assert shares[4:][rated].tolist() == [0.5] * rated.sum()


def test_training_ends_early_when_nothing_gets_better(data, tmp_path):
    config = replace(SHORT, passes=50.0, validate_every=1, patience=3, learning_rate=1e-12)
    seen: list[Progress] = []
    run = trainer(data, tmp_path, replace(config, learning_rate=5.0, clip=1e6))
    run.run(seen.append)
    assert run.step < run.steps
    assert run.since_best == 3
    again = trainer(data, tmp_path, replace(config, learning_rate=5.0, clip=1e6))
    again.run()
    assert again.step == run.step


def test_a_run_of_other_settings_is_refused_and_named(data, tmp_path):
    trainer(data, tmp_path).run(stop_at=4)
    before = run_of(tmp_path)
    with pytest.raises(CheckpointError, match=r"config.learning_rate 0.005, not 0.1"):
        trainer(data, tmp_path, replace(SHORT, learning_rate=0.1)).run()
    with pytest.raises(CheckpointError, match=r"model.hidden 16, not 24"):
        trainer(data, tmp_path, model=replace(TINY, hidden=24)).run()
    assert run_of(tmp_path) == before


def test_a_damaged_run_is_one_line(data, tmp_path):
    trainer(data, tmp_path).run(stop_at=4)
    path = tmp_path / "run.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="not readable"):
        trainer(data, tmp_path).run()


def test_settings_out_of_range_and_empty_data_are_refused(data, tmp_path):
    with pytest.raises(SettingsError, match="passes must be above 0, not 0"):
        TrainingConfig(passes=0)
    training, validation = data
    with pytest.raises(SettingsError, match="0 to validate on"):
        trainer((training, validation.select(np.zeros(0, np.int64))), tmp_path)


def test_validation_games_share_no_moves_with_the_training_games():
    games = legal_games(30)
    doubled = encode([*games, *games])
    training, validation = hold_out(doubled, 5, seed=3)
    assert 0 < len(validation) <= 5

    def lines(some):
        return {
            some.tokens[a:b].tobytes() for a, b in zip(some.offsets[:-1], some.offsets[1:], strict=True)
        }

    assert not lines(training) & lines(validation)
    assert hold_out(doubled, 5, seed=3)[1].tokens.tolist() == validation.tokens.tolist()


def test_batches_hold_every_game_once_and_are_not_too_large():
    games = encode(legal_games(50))
    for rng in (None, np.random.default_rng(0)):
        groups = list(batches_of(games, np.arange(50), 200, rng))
        assert sorted(np.concatenate(groups).tolist()) == list(range(50))
        assert max(games.lengths[group].sum() for group in groups) <= 200 + games.lengths.max()


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    torch.manual_seed(0)
    model = MoveGRU(TINY)
    model.temperature.fill_(1.25)
    save_checkpoint(tmp_path, model, {"games": 7})
    found = load_checkpoint(tmp_path)
    assert found.about == {"games": 7}
    assert found.model.config == TINY
    assert all(
        torch.equal(value, found.model.state_dict()[name]) for name, value in model.state_dict().items()
    )
    assert found.digest == load_checkpoint(tmp_path).digest


def test_a_checkpoint_of_another_vocabulary_or_shape_is_refused_with_both_values(tmp_path):
    save_checkpoint(tmp_path, MoveGRU(TINY), {})
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"vocabulary": "feedfeedfeedfeed"}))
    with pytest.raises(CheckpointError, match=rf"'feedfeedfeedfeed'.*'{config['vocabulary']}'"):
        load_checkpoint(tmp_path)
    path.write_text(json.dumps(config | {"model": asdict(replace(TINY, head=9))}))
    with pytest.raises(CheckpointError, match=r"origin.weight has shape \(8, 8\), expected \(9, 8\)"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "no json", "weights"])
def test_a_damaged_checkpoint_is_one_line(tmp_path, damage):
    save_checkpoint(tmp_path, MoveGRU(TINY), {})
    if damage == "missing":
        (tmp_path / "config.json").unlink()
    elif damage == "no json":
        (tmp_path / "config.json").write_text("{")
    else:
        (tmp_path / "weights.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_stepping_gives_the_numbers_of_one_pass(cell):
    torch.manual_seed(1)
    model = MoveGRU(replace(TINY, cell=cell))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.eval()
    games = encode(legal_games(5, seed=4))
    batch = pad(games, np.arange(5))
    styles = torch.randn(5, 2, TINY.style)
    context = Context(batch.ratings, batch.speed, styles)
    with torch.no_grad():
        logits, _ = model(batch.tokens, batch.lengths, context)
        boards = replay(batch.tokens[:, :-1])
        whole = logits.dense(logits.log_probabilities(), _black(batch))
        start = 0
        for game in range(5):
            state, last = model.new_state(1), torch.tensor([NO_MOVE])
            alone = Context(*(field[game : game + 1] for field in context))
            for ply in range(int(batch.lengths[game])):
                here = boards.at((slice(game, game + 1), ply))
                reading = model.step(state, here, last, alone)
                expected = whole[start + ply]
                legal = expected > -torch.inf
                assert torch.equal(legal, reading.log_probabilities[0] > -torch.inf)
                assert torch.allclose(reading.log_probabilities[0][legal], expected[legal], atol=1e-5)
                state, last = reading.state, batch.tokens[game, ply : ply + 1]
            start += int(batch.lengths[game])


def _black(batch) -> torch.Tensor:
    valid = torch.arange(batch.tokens.shape[1]) < batch.lengths[:, None]
    return valid.nonzero()[:, 1] % 2 == 1
