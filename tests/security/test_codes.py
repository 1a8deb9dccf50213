"""Random codes and their hashes."""

from app.security.codes import code_hash, new_code


def test_codes_are_long_url_safe_and_unique() -> None:
    codes = {new_code() for _ in range(1_000)}

    assert len(codes) == 1_000
    assert all(
        len(code) == 43 and code.replace("-", "").replace("_", "").isalnum() for code in codes
    )


def test_the_hash_identifies_a_code_without_containing_it() -> None:
    code = new_code()

    assert code_hash(code) == code_hash(code)
    assert code_hash(code) != code_hash(new_code())
    assert len(code_hash(code)) == 32
    assert code.encode() not in code_hash(code)


def test_any_text_has_a_hash() -> None:
    assert len({code_hash(text) for text in ("", "\0", "\ud800", "é", "x" * 100_000)}) == 5
