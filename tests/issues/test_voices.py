"""A voice note with a visit or a note: only sound is taken in, and only who sees the issue hears it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from lingxiu.files.models import StoredFile
from lingxiu.files.voices import MOST_BYTES, VoiceRefused, content_type
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from tests.cast import Cast
from tests.issues.world import do, find


def element(number: str, body: bytes) -> bytes:
    """An EBML element with a length of eight bytes."""
    return bytes.fromhex(number) + (len(body) | 1 << 56).to_bytes(8, "big") + body


def live(number: str, body: bytes) -> bytes:
    """One whose length was not known when it was begun, as a recorder writes it."""
    return bytes.fromhex(number) + b"\x01" + b"\xff" * 7 + body


def webm(*kinds: int) -> bytes:
    tracks = b"".join(element("ae", element("d7", b"\x01") + element("83", bytes([kind]))) for kind in kinds)
    head = element("1a45dfa3", element("4282", b"webm"))
    return head + live(
        "18538067", element("1549a966", b"") + element("1654ae6b", tracks) + live("1f43b675", b"\xe7\x81\x00")
    )


def webm_of(seconds: int) -> bytes:
    """A live recording: clusters whose length nobody knew, a block every second at a time of its own."""
    track = element("ae", element("d7", b"\x01") + element("83", b"\x02"))
    clusters = b"".join(
        live("1f43b675", element("e7", (n * 1000).to_bytes(4, "big")) + element("a3", b"\x81\x00\x00\x80" + b"sound"))
        for n in range(seconds + 1)
    )
    return element("1a45dfa3", element("4282", b"webm")) + live("18538067", element("1654ae6b", track) + clusters)


def ogg_of(seconds: int) -> bytes:
    last = b"OggS\x00\x04" + (seconds * 48_000).to_bytes(8, "little") + bytes(12) + b"\x01\x04data"
    return ogg(b"OpusHead") + last


def mp4_of(seconds: int, *, fragments: bool = False) -> bytes:
    """With its length in the head, as a file has it, or in fragments, as Safari records."""
    mdhd = box(b"mdhd", bytes(12) + (44_100).to_bytes(4, "big") + bytes(8))
    sound = box(b"trak", box(b"mdia", mdhd + box(b"hdlr", bytes(8) + b"soun" + bytes(13))))
    lasts = (0 if fragments else seconds * 1000).to_bytes(4, "big")
    movie = box(b"moov", box(b"mvhd", bytes(12) + (1000).to_bytes(4, "big") + lasts) + sound)
    begins = (seconds * 44_100).to_bytes(4, "big")
    moof = box(b"moof", box(b"traf", box(b"tfdt", bytes(4) + begins))) if fragments else b""
    return box(b"ftyp", b"iso5\x00\x00\x02\x00") + movie + moof + box(b"mdat", b"x" * 30)


RECORDERS = {
    "webm": webm_of, "ogg": ogg_of, "mp4": mp4_of, "mp4 in fragments": lambda seconds: mp4_of(seconds, fragments=True),
}  # fmt: skip


@pytest.mark.parametrize("kind", RECORDERS)
def test_a_minute_is_the_most_by_what_is_in_the_file(kind: str) -> None:
    assert content_type(RECORDERS[kind](60)).startswith("audio/")
    with pytest.raises(VoiceRefused) as refused:
        content_type(RECORDERS[kind](75))
    assert refused.value.reason == "too_long"


def ogg(*codecs: bytes) -> bytes:
    return b"".join(
        b"OggS\x00\x02" + bytes(20) + b"\x01" + bytes([len(codec)]) + codec for codec in codecs
    ) + b"OggS\x00\x00" + bytes(20) + b"\x01\x04data"  # fmt: skip


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def mp4(*handlers: bytes) -> bytes:
    tracks = b"".join(box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + kind + bytes(13)))) for kind in handlers)
    return (
        box(b"ftyp", b"iso5\x00\x00\x02\x00") + box(b"moov", box(b"mvhd", bytes(20)) + tracks) + box(b"mdat", b"x" * 30)
    )


SOUND, PICTURES = 2, 1


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (webm(SOUND), "audio/webm"),
        (ogg(b"OpusHead"), "audio/ogg"),
        (ogg(b"\x01vorbis"), "audio/ogg"),
        (mp4(b"soun"), "audio/mp4"),
    ],
)
def test_what_browsers_record_is_known_by_its_bytes(data: bytes, kind: str) -> None:
    assert content_type(data) == kind


@pytest.mark.parametrize(
    "data",
    [
        webm(PICTURES), webm(SOUND, PICTURES), webm(), mp4(b"vide"), mp4(b"soun", b"vide"), mp4(), ogg(b"\x80theora"),
        ogg(b"OpusHead", b"\x80theora"), b"RIFF\x00\x00\x00\x00WAVE", b"ID3\x03", b"\xff\xd8\xff\xe0 jpeg", b"%PDF-1.7",
        b"<html><script>alert(1)</script>", b"MZ\x90\x00", b"OggS", b"\x1a\x45\xdf\xa3webm<script>", b"\x00" * 40,
    ],
)  # fmt: skip
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(VoiceRefused) as refused:
        content_type(data)
    assert refused.value.reason == "not_audio"


def test_two_megabytes_are_the_most_and_nothing_is_none() -> None:
    for data, reason in ((webm(SOUND) + bytes(MOST_BYTES), "too_large"), (b"", "empty")):
        with pytest.raises(VoiceRefused) as refused:
            content_type(data)
        assert refused.value.reason == reason


@pytest.mark.parametrize("whole", [webm(SOUND), ogg(b"OpusHead"), mp4(b"soun")])
def test_a_recording_cut_off_anywhere_is_known_or_refused_and_nothing_else(whole: bytes) -> None:
    for length in range(1, len(whole)):
        try:
            content_type(whole[:length])
        except VoiceRefused:
            continue


# ── with a visit ──


@pytest.fixture
def issue(cast: Cast) -> Issue:
    found = find(cast.grid_member, merchant=cast.merchant)
    do(found, Move.ACCEPT, cast.grid_member)
    return found


def visit(client: Client, issue: Issue, data: bytes, move: str = "handle", **values: str) -> Any:
    fields = {"move": move, "words": "到店看过", "submission": str(uuid.uuid4()), **values}
    voice = SimpleUploadedFile("voice", data, content_type="audio/webm")
    return client.post(f"/issues/{issue.number}/moves/", {**fields, f"voice_{move}": voice})


def heard(issue: Issue) -> str:
    return str(issue.moves.latest("version").data.get("voice", ""))


@pytest.mark.parametrize("move", ["handle", "note"])
def test_it_stands_in_the_record_with_a_player(client: Client, cast: Cast, issue: Issue, move: str) -> None:
    client.force_login(cast.grid_member)
    assert visit(client, issue, webm(SOUND), move).status_code == 302
    assert f'src="/files/{heard(issue)}/"' in client.get(f"/issues/{issue.number}/?part=timeline").content.decode()


def test_who_sees_the_issue_hears_it_and_nobody_else(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.grid_member)
    visit(client, issue, webm(SOUND))
    for user, status in ((cast.dispatcher, 200), (cast.other_grid_member, 404), (cast.owner, 404)):
        client.force_login(user)
        answer = client.get(f"/files/{heard(issue)}/")
        assert answer.status_code == status
        if answer.streaming:
            assert b"".join(answer.streaming_content) == webm(SOUND)  # type: ignore[arg-type]  # read to its end, so that the file is closed
    client.logout()
    assert client.get(f"/files/{heard(issue)}/").status_code in (302, 404)


def test_a_phone_that_asks_for_a_piece_gets_that_piece(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.grid_member)
    data = webm(SOUND)
    visit(client, issue, data)
    piece = client.get(f"/files/{heard(issue)}/", headers={"range": "bytes=2-5"})
    assert (piece.status_code, piece.content, piece["Content-Range"]) == (206, data[2:6], f"bytes 2-5/{len(data)}")
    rest = client.get(f"/files/{heard(issue)}/", headers={"range": "bytes=4-"})
    assert rest.content == data[4:]
    assert client.get(f"/files/{heard(issue)}/", headers={"range": "bytes=9999-"}).status_code == 416


def test_a_picture_sent_as_a_voice_leaves_nothing_and_says_what_to_do(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.grid_member)
    before = issue.moves.count()
    refused = visit(client, issue, b"\xff\xd8\xff\xe0 jpeg")
    assert refused.status_code == 422
    assert "语音" in refused.content.decode()
    assert (issue.moves.count(), StoredFile.objects.filter(content_type__startswith="audio/").count()) == (before, 0)


def test_a_move_that_is_refused_keeps_no_voice(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.town_officer)  # sees it, and it is not theirs
    assert visit(client, issue, webm(SOUND)).status_code in (409, 422)
    assert not StoredFile.objects.filter(content_type__startswith="audio/").exists()


def test_other_moves_take_no_voice(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.grid_member)
    visit(client, issue, webm(SOUND), "escalate")
    assert heard(issue) == ""


@pytest.mark.parametrize("move", ["handle", "feed_back"])
def test_a_voice_note_over_a_minute_is_refused_in_words_and_nothing_is_recorded(
    client: Client, cast: Cast, issue: Issue, move: str
) -> None:
    client.force_login(cast.grid_member)
    issue.refresh_from_db()
    long = SimpleUploadedFile("voice", webm_of(90), "audio/webm")
    sent = {
        "move": move, "seen": issue.version, "submission": str(uuid.uuid4()), "words": "到了", "result": "not_found",
        f"voice_{move}": long,
    }  # fmt: skip
    answer = client.post(f"/issues/{issue.number}/moves/", sent)
    assert answer.status_code == 422
    assert "语音超过一分钟" in answer.content.decode()
    assert not issue.moves.filter(move=move).exists()


def test_a_find_is_told_by_voice(client: Client, cast: Cast) -> None:
    client.force_login(cast.grid_member)
    address = f"/issues/new/?merchant={cast.merchant.pk}"
    assert 'name="voice"' in client.get(address).content.decode()
    sent = {"merchant": cast.merchant.pk, "violation": "D-BIN", "submission": str(uuid.uuid4())}
    long = SimpleUploadedFile("voice", webm_of(90), "audio/webm")
    refused = client.post("/issues/new/", {**sent, "voice": long})
    assert refused.status_code == 422
    assert "语音超过一分钟" in refused.content.decode()
    assert not Issue.objects.exists()
    spoken = SimpleUploadedFile("voice", webm_of(20), "audio/webm")
    assert client.post("/issues/new/", {**sent, "voice": spoken}).status_code == 302
    row = Issue.objects.get().moves.get(move=Move.REPORT)
    assert StoredFile.objects.get(sha256=row.data["voice"]).content_type == "audio/webm"
    assert f"/files/{row.data['voice']}/" in client.get(f"/issues/{row.issue.number}/").content.decode()
