# SPDX-License-Identifier: Apache-2.0
"""The standard's own example of a signature, by which a provider is known to compute SM2.

Source:
    GB/T 32918.5-2017 §A.2.
"""

from typing import Final

from govshare_policy.crypto._public import PublicKey

KNOWN_ID: Final = b"1234567812345678"
KNOWN_MESSAGE: Final = b"message digest"
KNOWN_SECRET: Final = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
KNOWN_PUBLIC: Final = PublicKey(
    point=bytes.fromhex(
        "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )
)
KNOWN_SIGNATURE: Final = bytes.fromhex(
    "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
