"""Project Wycheproof's vectors for JSON Web Signatures, against the function that checks ours.

Two vectors that the file calls invalid are, byte for byte, one that it calls valid: the padding
they are named after was lost (C2SP/wycheproof issue 236). It is put back here. What the file calls
valid and we refuse is listed, each with the reason.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from ostiary.kernel import jws

FILE = Path(__file__).parent / "vectors" / "wycheproof_json_web_signature.json"

# What stands in the token, and what the vector's name says should.
LOST_PADDING = {367: ("AnDWbZ7aMmowV8", "AnDWbZ7aMmowV8="), 370: (".VGVzdA.", ".VGVzdA==.")}

# Valid there, refused here.
STRICTER = {
    346: "signed with PS384 by a key whose `alg` is PS256: the algorithm is the key's",
    347: "a key of the algorithm ES521, which does not exist",
    350: "signed with PS384 by a key whose `alg` is PS256: the algorithm is the key's",
    351: "a key of the algorithm ES521, which does not exist",
    372: "a character that is not of base64url in the header",
    373: "a character that is not of base64url in the payload",
}


def _vectors(result: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    groups = json.loads(FILE.read_text())["testGroups"]
    return [
        (group.get("public") or group["private"], test)
        for group in groups
        for test in group["tests"]
        if test["result"] == result
    ]


def _names(result: str) -> list[str]:
    return [f"{test['tcId']}-{test['comment']}" for _, test in _vectors(result)]


def _accepts(jwk: dict[str, Any], token: str) -> bool:
    try:
        # Keys for encryption name no algorithm: they get the one that the token asks for.
        alg = jwk["alg"] if "alg" in jwk else jws.read(token).header["alg"]
        jws.verify(token, jws.to_key(jwk), alg=alg)
    except jws.InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(("jwk", "test"), _vectors("invalid"), ids=_names("invalid"))
def test_an_invalid_signature_is_refused(jwk: dict[str, Any], test: dict[str, Any]) -> None:
    lost, found = LOST_PADDING.get(test["tcId"], ("", ""))
    assert not _accepts(jwk, test["jws"].replace(lost, found) if lost else test["jws"])


@pytest.mark.parametrize(("jwk", "test"), _vectors("valid"), ids=_names("valid"))
def test_a_valid_signature_is_accepted_unless_we_are_stricter(
    jwk: dict[str, Any], test: dict[str, Any]
) -> None:
    assert _accepts(jwk, test["jws"]) is (test["tcId"] not in STRICTER)


def test_no_vector_is_missing() -> None:
    assert len(_vectors("invalid")) == 355
    assert len(_vectors("valid")) == 46


def test_the_vectors_that_lost_their_padding_are_one_that_is_valid() -> None:
    (valid,) = [test["jws"] for _, test in _vectors("valid") if test["comment"] == "ValidMac"]
    lost = [test for _, test in _vectors("invalid") if test["jws"] == valid]
    assert {test["tcId"] for test in lost} == LOST_PADDING.keys()
    assert all(test["comment"].startswith("invalidBase64Padding") for test in lost)
