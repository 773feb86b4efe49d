"""Mail posted to a provider's HTTP interface, in the very form its clients post it."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

# Bodies and headers as the providers' own clients send them; `sent` is what they answer.
PROVIDERS = {
    "resend": """
        URL = "https://api.resend.com/emails"
        HEADERS = {"Authorization": "Bearer re_123", "User-Agent": "resend-python:2.10.0"}
        JSON = {
            "from": "Lädchen <shop@example.com>",
            "to": ["Ada <ada@example.com>", "bob@example.com"],
            "cc": "cy@example.com", "bcc": ["boss@example.com"], "reply_to": "help@example.com",
            "subject": "Grüße", "text": "Your code is 482913", "headers": {"X-Order": "7"},
            "html": "<p>Follow <a href='https://shop.example/v?t=1&amp;u=2'>this</a></p>",
            "attachments": [{"filename": "ü.pdf", "content": "UERG", "content_type":
                "application/pdf"}],
        }
        def check(answer):
            assert answer.status_code == 200 and len(answer.json()["id"]) == 36
        UNAUTHENTICATED, INCOMPLETE = (401, "missing_api_key"), (422, "Missing `to` field")
        WITHOUT_TO = {k: v for k, v in JSON.items() if k != "to"}
    """,
    "sendgrid": """
        URL = "https://api.sendgrid.com/v3/mail/send"
        HEADERS = {"Authorization": "Bearer SG.123"}
        JSON = {
            "from": {"email": "shop@example.com", "name": "Lädchen"},
            "personalizations": [{
                "to": [{"email": "ada@example.com", "name": "Ada"}, {"email": "bob@example.com"}],
                "cc": [{"email": "cy@example.com"}], "bcc": [{"email": "boss@example.com"}],
                "headers": {"X-Order": "7"}, "substitutions": {"-code-": "482913"},
            }],
            "reply_to": {"email": "help@example.com"}, "subject": "Grüße",
            "content": [
                {"type": "text/plain", "value": "Your code is -code-"},
                {"type": "text/html", "value":
                    "<p>Follow <a href='https://shop.example/v?t=1&amp;u=2'>this</a></p>"}],
            "attachments": [{"filename": "ü.pdf", "content": "UERG", "type": "application/pdf",
                "disposition": "attachment"}],
        }
        def check(answer):
            assert (answer.status_code, answer.content) == (202, b"")
            assert answer.headers["x-message-id"]
        UNAUTHENTICATED, INCOMPLETE = (401, "authorization grant"), (400, "to array is required")
        WITHOUT_TO = {**JSON, "personalizations": [{}]}
    """,
    "postmark": """
        URL = "https://api.postmarkapp.com/email"
        HEADERS = {"X-Postmark-Server-Token": "123", "Accept": "application/json"}
        JSON = {
            "From": "Lädchen <shop@example.com>", "To": "Ada <ada@example.com>, bob@example.com",
            "Cc": "cy@example.com", "Bcc": "boss@example.com", "ReplyTo": "help@example.com",
            "Subject": "Grüße", "TextBody": "Your code is 482913",
            "HtmlBody": "<p>Follow <a href='https://shop.example/v?t=1&amp;u=2'>this</a></p>",
            "Headers": [{"Name": "X-Order", "Value": "7"}], "MessageStream": "outbound",
            "Attachments": [{"Name": "ü.pdf", "Content": "UERG", "ContentType":
                "application/pdf"}],
        }
        def check(answer):
            assert answer.status_code == 200
            assert answer.json().items() >= {"ErrorCode": 0, "Message": "OK"}.items()
            assert len(answer.json()["MessageID"]) == 36
        UNAUTHENTICATED, INCOMPLETE = (401, "API tokens"), (422, "Invalid 'To'")
        WITHOUT_TO = {**JSON, "To": ""}
    """,
    "ses v2": """
        URL = "https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails"
        HEADERS = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20300101/eu-central-1/ses"}
        JSON = {
            "FromEmailAddress": "Lädchen <shop@example.com>",
            "Destination": {"ToAddresses": ["Ada <ada@example.com>", "bob@example.com"],
                "CcAddresses": ["cy@example.com"], "BccAddresses": ["boss@example.com"]},
            "ReplyToAddresses": ["help@example.com"],
            "Content": {"Simple": {
                "Subject": {"Data": "Grüße"}, "Headers": [{"Name": "X-Order", "Value": "7"}],
                "Body": {"Text": {"Data": "Your code is 482913"}, "Html": {"Data":
                    "<p>Follow <a href='https://shop.example/v?t=1&amp;u=2'>this</a></p>"}},
                "Attachments": [{"FileName": "ü.pdf", "RawContent": "UERG",
                    "ContentType": "application/pdf"}]}},
        }
        def check(answer):
            assert answer.status_code == 200 and len(answer.json()["MessageId"]) == 36
        UNAUTHENTICATED, INCOMPLETE = (403, "Authentication Token"), (400, "Destination")
        WITHOUT_TO = {**JSON, "Destination": {}}
    """,
}

TESTS = """
    import aiohttp, asyncio, httpx, httpx2, json, pytest, requests, urllib.request
    from provider import HEADERS, INCOMPLETE, JSON, UNAUTHENTICATED, URL, WITHOUT_TO, check

    kept = httpx.AsyncClient()

    def by_httpx(**kw): return httpx.post(URL, **kw)
    def by_httpx2(**kw): return httpx2.post(URL, **kw)
    def by_requests(**kw): return requests.post(URL, **kw)
    def by_async_httpx(**kw): return asyncio.run(kept.post(URL, **kw))
    def by_aiohttp(**kw):
        async def post():
            async with aiohttp.ClientSession() as session, session.post(URL, **kw) as answer:
                found = httpx.Response(answer.status, headers=answer.headers)
                found._content = await answer.read()
                return found
        return asyncio.run(post())
    def by_urllib(json=None, headers={}):
        import json as codec, urllib.error
        request = urllib.request.Request(URL, codec.dumps(json).encode(),
            {**headers, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as r:
                return httpx.Response(r.status, headers=dict(r.headers), content=r.read())
        except urllib.error.HTTPError as r:
            with r:
                return httpx.Response(r.code, headers=dict(r.headers), content=r.read())

    CLIENTS = [by_httpx, by_httpx2, by_requests, by_async_httpx, by_aiohttp, by_urllib]

    @pytest.mark.parametrize("post", CLIENTS, ids=lambda post: post.__name__)
    def test_it_is_in_the_box(post, hermetic_mail, hermetic_http):
        check(post(headers=HEADERS, json=JSON))
        mail = hermetic_mail.wait(to="ada@example.com", subject="Grüße")
        assert mail.from_ == "shop@example.com" and "Lädchen" in mail.headers["From"]
        assert mail.to == ("ada@example.com", "bob@example.com")
        assert (mail.cc, mail.bcc) == (("cy@example.com",), ("boss@example.com",))
        assert (mail.subject, mail.text, mail.code) == ("Grüße", "Your code is 482913", "482913")
        assert mail.links == ["https://shop.example/v?t=1&u=2"]
        assert (mail.headers["x-order"], mail.headers["reply-to"]) == ("7", "help@example.com")
        [file] = mail.attachments
        assert (file.name, file.content_type, file.content) == (
            "ü.pdf", "application/pdf", b"PDF")
        assert mail.via == URL[:URL.index("/", 8)]
        [sent] = hermetic_http.requests
        assert (sent.url, sent.json()) == (URL, JSON)

    def test_no_key_no_mail(hermetic_mail):
        answer = by_httpx(json=JSON)
        assert (answer.status_code, UNAUTHENTICATED[1] in answer.text) == (UNAUTHENTICATED[0], True)
        assert len(hermetic_mail) == 0

    def test_nobody_to_send_it_to(hermetic_mail):
        answer = by_httpx(json=WITHOUT_TO, headers=HEADERS)
        assert (answer.status_code, INCOMPLETE[1] in answer.text) == (INCOMPLETE[0], True)
        assert by_httpx(content=b"{", headers=HEADERS).status_code in (400, 422)
        assert len(hermetic_mail) == 0

    @pytest.mark.parametrize("client", [httpx, requests], ids=["httpx", "requests"])
    def test_other_requests_are_refused_by_name(client, hermetic_mail):
        with pytest.raises(OSError, match="hermetic.mail takes the mails sent by .* nothing else"):
            client.get(URL[:URL.index("/", 8)] + "/statistics")

    def test_an_application_in_its_place(hermetic_http, hermetic_mail):
        async def app(scope, receive, send):
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 429, "headers": []})
                await send({"type": "http.response.body", "body": b"slow down"})
        hermetic_http.mount(URL[:URL.index("/", 8)], app)
        assert by_httpx(json=JSON, headers=HEADERS).status_code == 429
        assert len(hermetic_mail) == 0

    def test_beside_respx(respx_mock, hermetic_mail):
        respx_mock.get("https://pay.example.com").respond(402)
        assert httpx.get("https://pay.example.com").status_code == 402
        check(by_httpx(headers=HEADERS, json=JSON))
        assert len(hermetic_mail) == 1
"""


@pytest.mark.parametrize("name", PROVIDERS)
def test_json_interfaces(suite, name: str) -> None:
    suite(TESTS, files={"provider.py": PROVIDERS[name]}).assert_outcomes(passed=12)


def test_mailgun(suite) -> None:
    suite(
        """
        import aiohttp, httpx, pytest, requests
        URL, AUTH = "https://api.eu.mailgun.net/v3/mg.example.com/messages", ("api", "key-1")
        FIELDS = {
            "from": "Lädchen <shop@example.com>",
            "to": ["Ada <ada@example.com>", "bob@example.com"],
            "cc": "cy@example.com", "bcc": "boss@example.com", "subject": "Grüße",
            "text": "Your code is 482913", "h:Reply-To": "help@example.com", "v:order": "7",
            "html": "<a href='https://shop.example/v'>this</a>", "template": "welcome",
            "t:variables": '{"name": "Ada"}',
        }
        BYTES = bytes(range(256)) + b"\\r\\n--\\r\\n"

        def check(answer):
            assert answer.status_code == 200
            assert answer.json()["message"] == "Queued. Thank you."
            assert answer.json()["id"].endswith("@mg.example.com>")

        @pytest.mark.parametrize("client", [httpx, requests], ids=["httpx", "requests"])
        @pytest.mark.parametrize("with_file", [False, True])
        def test_a_form(client, with_file, hermetic_mail):
            files = [("attachment", ("ü.bin", BYTES, "application/zip"))] if with_file else None
            check(client.post(URL, auth=AUTH, data=FIELDS, files=files))
            mail = hermetic_mail.wait(to="ada@example.com", subject="Grüße")
            assert mail.to == ("ada@example.com", "bob@example.com")
            assert (mail.cc, mail.bcc) == (("cy@example.com",), ("boss@example.com",))
            assert (mail.text, mail.code) == ("Your code is 482913", "482913")
            assert mail.links == ["https://shop.example/v"]
            assert mail.headers["reply-to"] == "help@example.com"
            assert (mail.template, mail.variables) == ("welcome", {"name": "Ada", "order": "7"})
            assert [(file.name, file.content_type, file.content) for file in mail.attachments] == (
                [("ü.bin", "application/zip", BYTES)] if with_file else [])

        async def test_by_aiohttp(hermetic_mail):
            form = aiohttp.FormData({"from": "a@example.com", "to": "b@example.com"})
            form.add_field("attachment", BYTES, filename="f.bin", content_type="application/zip")
            headers = {"Authorization": "Basic YXBpOmtleS0x"}
            async with aiohttp.ClientSession() as session:
                async with session.post(URL, headers=headers, data=form) as answer:
                    assert answer.status == 200
            assert hermetic_mail.last.attachments[0].content == BYTES

        def test_a_finished_message(hermetic_mail):
            raw = "From: s@example.com\\nTo: ada@example.com\\nSubject: x\\n\\nbody\\n"
            check(httpx.post(URL + ".mime", auth=AUTH,
                data={"to": "ada@example.com, b@example.com"},
                files={"message": ("m.eml", raw.encode(), "message/rfc822")}))
            mail = hermetic_mail.last
            assert (mail.subject, mail.to, mail.bcc) == (
                "x", ("ada@example.com",), ("b@example.com",))

        def test_refusals(hermetic_mail):
            assert httpx.post(URL, data=FIELDS).status_code == 401
            answer = httpx.post(URL, auth=AUTH, data={"from": "a@example.com"})
            assert (answer.status_code, answer.json()) == (
                400, {"message": "to parameter is missing"})
            assert len(hermetic_mail) == 0
        """
    ).assert_outcomes(passed=7)


def test_ses_query_interface(suite) -> None:
    """The bodies are those of botocore's serializer for `ses`."""
    suite(
        """
        import base64, httpx, pytest, urllib3
        from urllib.parse import urlencode
        URL = "https://email.us-east-1.amazonaws.com/"
        HEADERS = {
            "Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20300101/us-east-1/ses/aws4_request",
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        }
        def call(action, **fields):
            body = urlencode({"Action": action, "Version": "2010-12-01", **fields})
            return httpx.post(URL, headers=HEADERS, content=body)

        def check(answer, action):
            assert answer.status_code == 200
            assert f"<{action}Response xmlns=" in answer.text and "<MessageId>" in answer.text

        def test_a_mail_in_parts(hermetic_mail):
            check(call("SendEmail", **{
                "Source": "Lädchen <shop@example.com>",
                "Destination.ToAddresses.member.1": "ada@example.com",
                "Destination.ToAddresses.member.2": "bob@example.com",
                "Destination.BccAddresses.member.1": "boss@example.com",
                "ReplyToAddresses.member.1": "help@example.com",
                "Message.Subject.Data": "Grüße", "Message.Body.Text.Data": "Code 482913",
                "Message.Body.Html.Data": "<b>482913</b>"}), "SendEmail")
            mail = hermetic_mail.wait(to="bob@example.com", subject="Grüße")
            assert (mail.to, mail.bcc) == (
                ("ada@example.com", "bob@example.com"), ("boss@example.com",))
            assert (mail.text, mail.html, mail.code) == ("Code 482913", "<b>482913</b>", "482913")
            assert mail.headers["Reply-To"] == "help@example.com"

        def test_a_finished_message(hermetic_mail):
            raw = b"From: s@example.com\\nTo: ada@example.com\\nSubject: x\\n\\nbody\\n"
            data = base64.b64encode(raw).decode()
            check(call("SendRawEmail", **{"RawMessage.Data": data}), "SendRawEmail")
            assert hermetic_mail.wait(to="ada@example.com").text == "body\\n"
            check(call("SendRawEmail", **{"RawMessage.Data": data,
                "Destinations.member.1": "hidden@example.com"}), "SendRawEmail")
            assert hermetic_mail.last.recipients == ("hidden@example.com",)

        def test_a_template(hermetic_mail):
            check(call("SendTemplatedEmail", **{
                "Source": "shop@example.com", "Template": "welcome", "TemplateData":
                '{"name": "Ada"}', "Destination.ToAddresses.member.1": "ada@example.com"}),
                "SendTemplatedEmail")
            assert (hermetic_mail.last.template, hermetic_mail.last.variables) == (
                "welcome", {"name": "Ada"})

        def test_version_2_takes_finished_messages_too(hermetic_mail):
            raw = b"From: shop@example.com\\r\\nTo: ada@example.com\\r\\n\\r\\nbody\\r\\n"
            answer = httpx.post(URL + "v2/email/outbound-emails", headers={
                "Authorization": HEADERS["Authorization"]}, json={
                "Content": {"Raw": {"Data": base64.b64encode(raw).decode()}}})
            assert answer.status_code == 200
            assert hermetic_mail.wait(to="ada@example.com").from_ == "shop@example.com"

        def test_refusals(hermetic_mail):
            unsigned = httpx.post(URL, data={"Action": "SendEmail"})
            assert (unsigned.status_code, "MissingAuthenticationToken" in unsigned.text) == (
                403, True)
            nobody = call("SendEmail", Source="shop@example.com")
            assert (nobody.status_code, "Missing destination" in nobody.text) == (400, True)
            with pytest.raises(OSError, match="hermetic.mail takes the mails sent by SES"):
                call("GetSendQuota")
            assert len(hermetic_mail) == 0
        """
    ).assert_outcomes(passed=5)


def test_batches_and_templates(suite) -> None:
    suite(
        """
        import httpx

        def test_resend(hermetic_mail):
            one = {"from": "a@example.com", "to": "b@example.com", "subject": "1", "text": "x"}
            answer = httpx.post("https://api.resend.com/emails/batch",
                headers={"Authorization": "Bearer re_1"}, json=[one, {**one, "subject": "2"}])
            assert len(answer.json()["data"]) == 2
            assert [mail.subject for mail in hermetic_mail] == ["1", "2"]

        def test_postmark(hermetic_mail):
            headers = {"X-Postmark-Server-Token": "1"}
            one = {"From": "a@example.com", "To": "b@example.com", "Subject": "1"}
            batch = [one, {**one, "To": ""}, {**one, "Subject": "2"}]
            answer = httpx.post(
                "https://api.postmarkapp.com/email/batch", headers=headers, json=batch)
            assert answer.status_code == 200
            assert [result["ErrorCode"] for result in answer.json()] == [0, 300, 0]
            assert [mail.subject for mail in hermetic_mail] == ["1", "2"]
            template = {"From": "a@example.com", "To": "b@example.com", "TemplateAlias": "welcome",
                "TemplateModel": {"name": "Ada"}}
            httpx.post("https://api.postmarkapp.com/email/batchWithTemplates", headers=headers,
                json={"Messages": [template]})
            assert (hermetic_mail.last.template, hermetic_mail.last.variables) == (
                "welcome", {"name": "Ada"})

        def test_sendgrid(hermetic_mail):
            httpx.post("https://api.eu.sendgrid.com/v3/mail/send",
                headers={"Authorization": "Bearer SG.1"}, json={
                    "from": {"email": "a@example.com"}, "template_id": "d-1", "personalizations": [
                        {"to": [{"email": "b@example.com"}],
                         "dynamic_template_data": {"name": "B"}, "subject": "for B"},
                        {"to": [{"email": "c@example.com"}],
                         "dynamic_template_data": {"name": "C"}}]})
            assert [(mail.to, mail.template, mail.variables, mail.subject)
                    for mail in hermetic_mail] == [
                (("b@example.com",), "d-1", {"name": "B"}, "for B"),
                (("c@example.com",), "d-1", {"name": "C"}, "")]
        """
    ).assert_outcomes(passed=3)
