"""RFC 7515 appendix A.3: the example of a JWS with ECDSA P-256 and SHA-256."""

import pytest

from ostiary.kernel import jws

KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
}
TOKEN = (
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
    "pmWQxfKTUJqPP3-Kg6NU1Q"
)
PAYLOAD = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'


def test_the_example_verifies_with_the_public_half_of_its_key() -> None:
    public = {name: value for name, value in KEY.items() if name != "d"}
    signed = jws.verify(TOKEN, jws.to_key(public), alg="ES256")
    assert signed.header == {"alg": "ES256"}
    assert signed.payload == PAYLOAD


@pytest.mark.parametrize("segment", [0, 1, 2])
def test_one_changed_bit_in_any_segment_breaks_it(segment: int) -> None:
    segments = TOKEN.split(".")
    first = segments[segment][0]
    segments[segment] = ("f" if first != "f" else "g") + segments[segment][1:]
    with pytest.raises(jws.InvalidSignature):
        jws.verify(".".join(segments), jws.to_key(KEY), alg="ES256")


def test_a_signature_of_ours_verifies_and_is_64_bytes_long() -> None:
    key = jws.generate()
    token = jws.sign(PAYLOAD, key, alg="ES256", typ="at+jwt")
    signed = jws.verify(token, jws.to_key(jws.export(key, alg="ES256")), alg="ES256")
    assert signed.payload == PAYLOAD
    assert signed.header == {"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}
    # RFC 7518 §3.4: R and S of 32 octets each, never DER; 86 characters of base64url.
    assert len(token.rpartition(".")[2]) == 86


@pytest.mark.parametrize("alg", ["ES384", "ES512", "ES256K", "EdDSA", "HS256", "RS256", "none", ""])
def test_the_algorithm_is_the_one_asked_for_and_no_other(alg: str) -> None:
    with pytest.raises(jws.InvalidSignature):
        jws.verify(TOKEN, jws.to_key(KEY), alg=alg)
