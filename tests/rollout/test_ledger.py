import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.rollout.ledger import AccountingError, Ledger


def test_every_hand_out_is_in_one_place():
    ledger = Ledger()
    for _ in range(6):
        ledger.hand_out()
    ledger.fail("engine_lost", again=True)
    ledger.fail("timeout", again=False)
    for _ in range(3):
        ledger.finish()
    ledger.reject("stale", again=True)
    ledger.train(1)
    ledger.check()
    assert ledger.outstanding == 2
    assert ledger.metrics() == {
        "prompts/handed_out": 6,
        "prompts/trained": 1,
        "prompts/in_flight": 1,
        "prompts/buffered": 1,
        "prompts/returned": 2,
        "prompts/dropped": 1,
        "prompts/returned/engine_lost": 1,
        "prompts/returned/stale": 1,
        "prompts/dropped/timeout": 1,
    }


@pytest.mark.parametrize("broken", ["handed_out", "in_flight", "buffered", "trained"])
def test_a_lost_or_doubled_prompt_is_found(broken):
    ledger = Ledger()
    ledger.hand_out()
    setattr(ledger, broken, getattr(ledger, broken) + 1)
    with pytest.raises(AccountingError, match="accounted for"):
        ledger.check()


@given(st.lists(st.sampled_from(["hand_out", "finish", "fail", "drop", "reject", "train"])))
def test_any_history_adds_up_also_after_a_resume(moves):
    ledger = Ledger()
    for move in moves:
        if move == "hand_out":
            ledger.hand_out()
        elif move in ("finish", "fail", "drop") and ledger.in_flight:
            ledger.finish() if move == "finish" else ledger.fail(move, again=move == "fail")
        elif move in ("reject", "train") and ledger.buffered:
            ledger.train(1) if move == "train" else ledger.reject("stale", again=True)
        ledger.check()
    restored = Ledger()
    restored.load_state_dict(ledger.state_dict())
    restored.check()
    assert (restored.handed_out, restored.trained, restored.in_flight) == (ledger.handed_out, ledger.trained, 0)
    assert restored.returned["checkpoint"] == ledger.in_flight
