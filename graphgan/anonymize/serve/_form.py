"""Several files in one answer, which browsers take apart themselves (``response.formData()``)."""

import secrets
from collections.abc import Sequence

Part = tuple[str, str, bytes]
"""Name, media type, content."""


def form_data(parts: Sequence[Part]) -> tuple[bytes, str]:
    """The parts as ``multipart/form-data`` (RFC 7578), and the header that says so."""
    boundary = secrets.token_hex(16)  # no photo holds it
    out = []
    for name, media_type, content in parts:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        head = f"--{boundary}\r\n{head}Content-Type: {media_type}\r\n\r\n"
        out += [head.encode("ascii"), content, b"\r\n"]
    return b"".join([*out, f"--{boundary}--\r\n".encode()]), (
        f"multipart/form-data; boundary={boundary}"
    )
