"""How far a caller has heard of changes, as a mark that tells nothing of changes of others.

Changes are numbered for everybody together, so that the difference of two numbers would say how much happened among
rows that the caller may not see. A mark is the number enciphered: equal marks are equal numbers, and nothing more.
"""

import base64
import binascii
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from forecast.errors import InvalidInput

_NUMBER = 8  # bytes
#: What a mark looks like: a number and its authentication in base64, 24 bytes.
MARK_PATTERN = r"^[A-Za-z0-9_-]{32}$"


class ChangeMarks:
    """Enciphers and deciphers numbers of changes, the same number always to the same mark (AES-SIV, RFC 5297).

    Parameters
    ----------
    secret : bytes
        Of the workspace; all its processes give the same marks.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESSIV(hmac.digest(secret, b"forecast change marks", hashlib.sha512))

    def mark(self, number: int) -> str:
        """The mark of a number."""
        return base64.urlsafe_b64encode(self._cipher.encrypt(number.to_bytes(_NUMBER), None)).decode()

    def number(self, mark: str) -> int:
        """The number behind a mark.

        Raises
        ------
        InvalidInput
            If the mark is none of this workspace.
        """
        try:
            return int.from_bytes(self._cipher.decrypt(base64.urlsafe_b64decode(mark.encode()), None))
        except (InvalidTag, binascii.Error, ValueError):
            raise InvalidInput(
                "`since` is no mark that this service gave; take `until` of the last answer, or leave it out."
            ) from None
