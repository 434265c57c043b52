"""Payloads of DUMP, made by hand: right ones in the plainest form, and bodies of any kind."""

POLYNOMIAL = 0x95AC9329AC4BC9B5  # of Jones, reflected


def _table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
        yield byte


TABLE = list(_table())


def crc64(data):
    crc = 0
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def payload(body, version=10):
    """A body with the footer that makes it acceptable."""
    data = body + version.to_bytes(2, "little")
    return data + crc64(data).to_bytes(8, "little")


def plain_string(text):
    """The body of a string value that is not encoded in any way."""
    return b"\x00\x80" + len(text).to_bytes(4, "big") + text
