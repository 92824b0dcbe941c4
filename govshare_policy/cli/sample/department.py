# SPDX-License-Identifier: Apache-2.0
"""A department's own API, as small as it gets: invented records over plain HTTP on loopback.

Run it with ``python3 department.py``; the sidecar stands in front of it. It answers with whole
records and knows nothing of grants: what may leave is the sidecar's business. Replace it by your
department's API and set ``upstream`` in govshare.toml.
"""

import contextlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = ("127.0.0.1", 9001)

# Region 999999 does not exist, so that nobody can be meant by these numbers.
RECORDS = {
    "/population/999999199001010016": {
        "id_no": "999999199001010016",
        "name": "示例甲",
        "gender": "男",
        "birth_date": "1990-01-01",
        "household_region": "999999",
    },
    "/marriages/999999199001010016": {
        "id_no": "999999199001010016",
        "name": "示例甲",
        "marital_status": "已婚",
        "reg_date": "2016-05-20",
        "operator_note": "内部备注，不属于目录信息项",
    },
    "/marriages/999999198506120021": {
        "id_no": "999999198506120021",
        "name": "示例乙",
        "marital_status": "未婚",
        "reg_date": None,
    },
    "/social-insurance/999999199001010016": {
        "id_no": "999999199001010016",
        "name": "示例甲",
        "insured_status": "正常参保",
        "employer": "青岚示例有限公司",
        "pay_base": 6120.50,
        "phone": "00000000000",
    },
}


class Department(BaseHTTPRequestHandler):
    """Answers ``GET`` with the record at the path, or with 404."""

    def do_GET(self) -> None:
        """Send the record as JSON."""
        record = RECORDS.get(self.path.partition("?")[0])
        body = json.dumps(record, ensure_ascii=False).encode() if record else b"{}"
        self.send_response(200 if record else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    with ThreadingHTTPServer(ADDRESS, Department) as server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
