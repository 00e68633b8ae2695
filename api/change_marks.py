"""How far a caller has heard of changes, as a mark that tells nothing of changes of others.

Changes are numbered for everybody together, so that the difference of two numbers would say how much happened among
rows that the caller may not see. A mark is the number enciphered: equal marks are equal numbers, and nothing more.
"""

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from forecast.errors import InvalidInput

#: A number takes half a block; the rest is zero, by which marks of our own are known.
_NUMBER, _BLOCK = 8, 16
#: What a mark looks like: a block in base64 without its padding.
MARK_PATTERN = r"^[A-Za-z0-9_-]{22}$"


class ChangeMarks:
    """Enciphers and deciphers numbers of changes.

    Parameters
    ----------
    secret : bytes
        Of the workspace; all its processes give the same marks.
    """

    def __init__(self, secret: bytes) -> None:
        key = hmac.digest(secret, b"forecast change marks", hashlib.sha256)
        # One block that never holds the same number under another meaning: the mode for single blocks is right here.
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305

    def mark(self, number: int) -> str:
        """The mark of a number."""
        encryptor = self._cipher.encryptor()
        block = encryptor.update(number.to_bytes(_NUMBER).ljust(_BLOCK, b"\0")) + encryptor.finalize()
        return base64.urlsafe_b64encode(block).rstrip(b"=").decode()

    def number(self, mark: str) -> int:
        """The number behind a mark.

        Raises
        ------
        InvalidInput
            If the mark is none of this workspace.
        """
        try:
            block = base64.urlsafe_b64decode(mark.encode() + b"==")
        except (binascii.Error, ValueError):
            block = b""
        if len(block) == _BLOCK:
            decryptor = self._cipher.decryptor()
            content = decryptor.update(block) + decryptor.finalize()
            if content[_NUMBER:] == bytes(_BLOCK - _NUMBER):
                return int.from_bytes(content[:_NUMBER])
        raise InvalidInput(
            "`since` is no mark that this service gave; take `until` of the last answer, or leave it out."
        )
