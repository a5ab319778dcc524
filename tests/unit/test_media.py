"""Which addresses of media the VPS may be told to fetch."""

import pytest

from dispatcher.domain.media import is_pattern, media_refusal

PUBLIC = [
    "https://media.example.com/a.png?x=1#y",
    "http://media.example.com:8080/a",
    "HTTPS://Media.Example.COM./a",
    "https://8.8.8.8/a",
    "https://[2606:4700:4700::1111]/a",
    "https://bücher.example/a",
    "https://xn--bcher-kva.example/a",
    "https://a_b.example.com/",
    "https://127.0.0.1.example.com/",
    "https://local.example/",
]
PRIVATE = [
    "http://localhost/",
    "http://LOCALHOST./",
    "http://a.localhost/",
    "http://printer.local/",
    "http://metadata.google.internal/",
    "http://postgres/",
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.0.1./",
    "http://0/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://１２７.0.0.1/",  # noqa: RUF001  # full-width digits are digits to a resolver
    "http://127。0。0。1/",  # the ideographic full stop is a dot
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00::1]/",
    "http://256.1.1.1/",
    "http://1.2.3.4.5/",
    "http://09.1.1.1/",
    "http://example.0x7f/",
]
MALFORMED = [
    "",
    "media.example.com/a.png",
    "//media.example.com/a",
    "ftp://media.example.com/a",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:image/png;base64,AAAA",
    "gopher://127.0.0.1/",
    "http://",
    "http:///a",
    "http://user@media.example.com/",
    "http://user:pw@media.example.com/",
    "http://media.example.com@127.0.0.1/",
    "http://127.0.0.1\\@media.example.com/",
    "http://media.example.com:99999/",
    "http://media.example.com:0/",
    "http://media.example.com:x/",
    "http://[::1/",
    "http://[nonsense]/",
    "http://media example.com/",
    "http://media.example.com/\r\nHost: x",
    "http://media.example.com/a\x00b",
    "http://..example.com/",
    f"http://{'a' * 64}.example.com/",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_address_may_be_fetched(url: str):
    assert media_refusal(url, ()) is None


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_is_refused_however_it_is_written(url: str):
    assert media_refusal(url, ()) == "is not at a public host"


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_no_plain_web_address_is_refused(url: str):
    assert media_refusal(url, ())
    assert media_refusal(url, ("media.example.com", "127.0.0.1"))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://media.example.com/a", True),
        ("https://MEDIA.example.com.:443/a", True),
        ("https://a.cdn.example.net/a", True),
        ("https://a.b.cdn.example.net/a", True),
        ("https://cdn.example.net/a", False),
        ("https://evilcdn.example.net/a", False),
        ("https://media.example.com.evil.example/a", False),
        ("https://example.com/a", False),
        ("http://10.0.0.5/a", True),
        ("http://10.0.0.6/a", False),
    ],
)
def test_an_allow_list_names_the_only_hosts_private_ones_too(url: str, allowed: bool):
    refusal = media_refusal(url, ("media.example.com", "*.cdn.example.net", "10.0.0.5"))
    assert refusal == (None if allowed else "is at a host that is not allowed")


def test_what_may_stand_in_the_list():
    assert all(map(is_pattern, ["media.example.com", "*.example.com", "10.0.0.5", "::1"]))
    assert not any(map(is_pattern, ["", "*", "https://x.y", "a b", "a.*.com", "Media.Example.com"]))
