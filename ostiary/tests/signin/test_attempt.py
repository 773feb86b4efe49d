"""The gate: no sequence of proofs reaches `Done` without what the policy demands.

Every state is looked at, against rules that are written down here a second time, as sentences.
"""

from collections.abc import Iterator
from itertools import chain, combinations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.authenticators.proofs import Kind, Proof
from ostiary.signin.attempt import Bind, Done, Impossible, Need, Policy, next_step, renewed

KINDS: tuple[Kind, ...] = get_args(Kind)
MAILBOX: set[Kind] = {"email_link", "email_code"}
STARTERS: set[Kind] = {"password", "federation", *MAILBOX}
LASTING: set[Kind] = {"password", "totp", "passkey"}
VERIFIED = Proof("passkey", is_user_verified=True)
PROOFS = [*(Proof(kind) for kind in KINDS), VERIFIED]
OPTIONAL = Policy(demands_second=False, bindable=frozenset({"totp"}))
REQUIRED = Policy(demands_second=True, bindable=frozenset({"totp"}))

kinds = st.frozensets(st.sampled_from(KINDS))
policies = st.builds(
    Policy, demands_second=st.booleans(), bindable=st.frozensets(st.sampled_from(["totp"]))
)
sequences = st.lists(st.sampled_from(PROOFS), max_size=8)


def _valid(proofs: list[Proof], bound: frozenset[Kind]) -> list[Proof]:
    """The proofs of what is still bound, or is used up by proving it."""
    return [one for one in proofs if one.kind in bound or one.kind not in LASTING]


def _is_enough(policy: Policy, proofs: list[Proof], bound: frozenset[Kind]) -> bool:
    """Rule by rule: may somebody with these proofs be let in?"""
    valid = _valid(proofs, bound)
    proven = {one.kind for one in valid}
    if VERIFIED in valid:
        return True
    if not proven & STARTERS:
        return False
    if "totp" in bound or "passkey" in bound:
        return bool(proven & {"totp", "passkey", "backup_code"})
    return not policy.demands_second


@given(policies, sequences, kinds)
def test_done_is_reached_with_what_the_policy_demands_and_never_without(
    policy: Policy, proofs: list[Proof], bound: frozenset[Kind]
) -> None:
    is_done = isinstance(next_step(policy, proofs, bound), Done)
    assert is_done == _is_enough(policy, proofs, bound)


def _subsets(of: list[Proof]) -> Iterator[tuple[Proof, ...]]:
    return chain.from_iterable(combinations(of, size) for size in range(len(of) + 1))


@pytest.mark.parametrize("policy", [OPTIONAL, REQUIRED, Policy(True, frozenset())])
def test_the_same_holds_in_every_single_state(policy: Policy) -> None:
    bounds = [frozenset(one.kind for one in some) for some in _subsets(PROOFS[:-1])]
    reached = {True: 0, False: 0}
    for bound in bounds:
        for proofs in _subsets(PROOFS):
            is_done = isinstance(next_step(policy, proofs, bound), Done)
            assert is_done == _is_enough(policy, list(proofs), bound), (policy, proofs, bound)
            reached[is_done] += 1
    assert sum(reached.values()) == 2**7 * 2**8
    assert min(reached.values()) > 1_000


@given(policies, st.permutations(PROOFS[:5]), sequences, kinds)
def test_neither_order_nor_repetition_changes_anything(
    policy: Policy, shuffled: list[Proof], proofs: list[Proof], bound: frozenset[Kind]
) -> None:
    assert next_step(policy, proofs, bound) == next_step(policy, [*proofs, *proofs[::-1]], bound)
    assert next_step(policy, shuffled, bound) == next_step(policy, sorted(shuffled, key=str), bound)


@given(policies, sequences, kinds)
def test_another_proof_takes_nobody_further_away(
    policy: Policy, proofs: list[Proof], bound: frozenset[Kind]
) -> None:
    if isinstance(next_step(policy, proofs, bound), Done):
        for one in PROOFS:
            assert isinstance(next_step(policy, [*proofs, one], bound), Done)


@given(policies, sequences, kinds)
def test_only_what_is_bound_is_asked_for_and_each_of_it_leads_on(
    policy: Policy, proofs: list[Proof], bound: frozenset[Kind]
) -> None:
    step = next_step(policy, proofs, bound)
    if isinstance(step, Need):
        assert step.kinds
        assert step.kinds <= bound
        for kind in step.kinds:
            given = Proof(kind, is_user_verified=kind == "passkey")
            assert next_step(policy, [*proofs, given], bound) != step


@given(policies, kinds)
def test_whoever_proves_what_is_asked_arrives_after_three_steps_at_most(
    policy: Policy, bound: frozenset[Kind]
) -> None:
    proofs: list[Proof] = []
    for _ in range(3):
        match next_step(policy, proofs, bound):
            case Need(asked):
                proofs.append(Proof(min(asked)))
            case Bind(asked):
                bound = bound | {min(asked)}
                proofs.append(Proof(min(asked)))
            case Done() | Impossible():
                break
    step = next_step(policy, proofs, bound)
    # A passkey that verifies nobody is the one thing that starts nothing.
    assert isinstance(step, Done | Impossible) or {one.kind for one in proofs} == {"passkey"}


@given(policies, sequences, kinds)
def test_nothing_is_bound_in_a_sign_in_where_a_second_factor_exists(
    policy: Policy, proofs: list[Proof], bound: frozenset[Kind]
) -> None:
    step = next_step(policy, proofs, bound)
    if isinstance(step, Bind):
        assert not bound & {"totp", "passkey"}
        assert policy.demands_second
        assert step.kinds == policy.bindable
        assert {one.kind for one in _valid(proofs, bound)} & STARTERS


@given(kinds)
def test_mailbox_and_password_together_are_one_factor(bound: frozenset[Kind]) -> None:
    proofs = [Proof("password"), Proof("email_link"), Proof("email_code"), Proof("federation")]
    everything: set[Kind] = {*bound, "password", "totp"}
    assert next_step(OPTIONAL, proofs, everything) == next_step(
        REQUIRED, [Proof("password")], everything
    )


@pytest.mark.parametrize(
    ("proofs", "amr", "acr"),
    [
        (["password"], ("pwd",), "aal1"),
        (["email_link"], ("email",), "aal1"),
        (["email_code"], ("email",), "aal1"),
        (["password", "email_code"], ("pwd", "email"), "aal1"),
        (["federation"], ("fed",), "aal1"),
        (["password", "totp"], ("pwd", "otp", "mfa"), "aal2"),
        (["password", "backup_code"], ("pwd", "otp", "mfa"), "aal2"),
        (["password", "passkey"], ("pwd", "pop", "mfa"), "aal2"),
        # NIST SP 800-63B §3.1.3.1: mail is no out-of-band authenticator.
        (["email_link", "totp"], ("email", "otp"), "aal1"),
        (["email_code", "backup_code"], ("email", "otp"), "aal1"),
        (["federation", "totp"], ("fed", "otp"), "aal1"),
    ],
)
def test_a_sign_in_is_worth_what_nist_says(
    proofs: list[Kind], amr: tuple[str, ...], acr: str
) -> None:
    bound = set(proofs)
    if "backup_code" in bound:
        bound.add("totp")
    step = next_step(OPTIONAL, [Proof(kind) for kind in proofs], bound)
    assert isinstance(step, Done)
    assert (step.amr, step.acr) == (amr, acr)
    assert step.has_second == bool({"otp", "pop"} & set(amr))


def test_a_passkey_that_verified_its_user_is_enough_and_both_factors() -> None:
    assert next_step(REQUIRED, [VERIFIED], {"passkey"}) == Done(("pop", "mfa"), "aal2", True)
    assert next_step(REQUIRED, [Proof("passkey")], {"passkey", "password"}) == Need(
        frozenset({"password"})
    )


def test_a_policy_that_demands_a_second_factor_is_met_by_a_mailbox_and_a_code() -> None:
    proofs = [Proof("email_link"), Proof("totp")]
    step = next_step(REQUIRED, proofs, {"email_link", "totp"})
    assert step == Done(("email", "otp"), "aal1", True)


def test_a_backup_code_is_asked_for_beside_the_factor_it_stands_in_for_and_never_alone() -> None:
    asked = next_step(OPTIONAL, [Proof("password")], {"password", "totp", "backup_code"})
    assert asked == Need(frozenset({"totp", "backup_code"}))
    alone = next_step(OPTIONAL, [Proof("password")], {"password", "backup_code"})
    assert alone == Done(("pwd",), "aal1", False)
    proofs = [Proof("password"), Proof("backup_code")]
    assert next_step(OPTIONAL, proofs, {"password", "backup_code"}) == alone
    assert next_step(REQUIRED, proofs, {"password", "backup_code"}) == Bind(frozenset({"totp"}))


def test_who_can_neither_present_nor_bind_anything_cannot_get_in() -> None:
    assert next_step(OPTIONAL, [], set()) == Impossible()
    nothing_to_bind = Policy(demands_second=True, bindable=frozenset())
    assert next_step(nothing_to_bind, [Proof("password")], {"password"}) == Impossible()


@given(sequences, st.frozensets(st.sampled_from(["pwd", "email", "fed", "otp", "pop", "mfa"])))
def test_proving_again_never_makes_a_session_worth_less(
    proofs: list[Proof], amr: frozenset[str]
) -> None:
    again = renewed(amr, proofs)
    assert amr <= set(again.amr)
    assert again.acr == ("aal2" if "mfa" in again.amr else "aal1")
    if "mfa" not in amr and VERIFIED not in proofs:
        has_both = "pwd" in again.amr and {"otp", "pop"} & set(again.amr)
        assert (again.acr == "aal2") == bool(has_both)
    strong = {"totp", "passkey", "backup_code"}
    assert again.has_second == any(one.kind in strong for one in proofs)
