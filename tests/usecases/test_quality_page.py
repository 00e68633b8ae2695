"""The page of a dry run."""

import re


def lead(**columns):
    return {"lead_id": "L", "created_at": "2026-01-01"} | columns


def test_a_dry_run_counts_like_the_real_one_and_changes_nothing(intake):
    rows = [lead(), lead(lead_id="M", created_at="?")]

    dry = intake.take({"leads": rows}, check=True)
    head_after_check = intake.lake.head()
    wet = intake.take({"leads": rows})

    assert head_after_check == 0
    assert dry.counts == wet.counts
    assert wet.page == ""


def test_a_dry_run_of_too_many_rejected_rows_says_so_and_shows_the_page(intake):
    result = intake.take({"leads": [lead(created_at="?")]}, check=True, quarantine=0.01)

    assert "1 of 1 rows were rejected" in result.warnings[0]
    assert "is no ISO time" in result.page


def test_the_page_shows_what_columns_hold_and_why_rows_were_rejected(intake):
    rows = [lead(lead_id=str(n), score=n if n else None, channel="web") for n in range(4)] + [
        lead(created_at="<b>?</b>")
    ]

    page = intake.take({"leads": rows}, check=True).page

    assert "created_at: &#39;&lt;b&gt;?&lt;/b&gt;&#39; is no ISO time" in page
    cells = re.search(r"<td>score</td>.*?</tr>", page, re.DOTALL)[0]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", cells)[1:] == ["number", "60.0", "3", "1", "3"]


def test_the_page_asks_no_other_host_and_fits_a_phone(intake):
    page = intake.take({"leads": [lead()]}, check=True).page

    assert not re.search(r"https?://|src=|@import|<script", page)
    assert 'name="viewport" content="width=device-width' in page
    assert "数据质量" in page


def test_the_page_does_not_show_what_tells_of_a_person(intake):
    rows = [{"contact_id": "1", "name": "Ann Smith", "email": "ann@example.com"}]

    page = intake.take({"contacts": rows}, check=True).page

    assert "Ann Smith" not in page
    assert "ann@example.com" not in page


def deals(n=60):
    """Deals of which every third is won; only won ones have a contract."""
    won = [place % 3 == 0 for place in range(n)]
    return [
        {
            "opportunity_id": str(place),
            "created_at": "2026-01-01",
            "closed_at": "2026-02-01",
            "outcome": "won" if is_won else "lost",
            "contract": f"K{place}" if is_won else None,
            "colour": ["red", "blue"][place % 2],
        }
        for place, is_won in enumerate(won)
    ]


def suspects_on(page):
    return re.findall(r'<tr><td>([^<]*)</td>\s*<td class="wrap">([^<]*)</td>', page)


def test_the_page_names_columns_that_may_tell_the_outcome(intake):
    page = intake.take({"opportunities": deals()}, check=True).page

    assert suspects_on(page) == [
        ("contract", "filled for one outcome and hardly ever for the other · 只对一种结果填写")
    ]
    assert "filled_rows 20" in page


def test_the_page_trusts_what_the_mapping_declares(intake):
    page = intake.take({"opportunities": deals()}, check=True, filled={"opportunities": {"contract": "open"}}).page

    assert suspects_on(page) == []
