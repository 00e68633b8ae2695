from api.pages.markdown import html_of


def test_headings_lists_and_tables_become_html() -> None:
    html = str(html_of("# Card\n\n## Data\n\n- one\n- `two`\n\n| model | loss |\n| --- | ---: |\n| blend | 0.41 |\n"))

    assert "<h3>Card</h3>" in html
    assert "<h4>Data</h4>" in html
    assert "<li><code>two</code></li>" in html
    assert '<div class="scroll" tabindex="0"><table>' in html
    assert '<td class="num">0.41</td>' in html


def test_html_of_a_card_is_shown_as_text() -> None:
    html = str(html_of("<script>alert(1)</script>\n\nx <img src=x onerror=alert(1)> y\n"))

    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_nothing_leads_away_and_nothing_is_loaded() -> None:
    html = str(
        html_of("[a](javascript:alert(1)) [b](https://evil.example) ![c](https://evil.example/x.png) <https://d.e>")
    )

    assert "href" not in html
    assert "src" not in html
    assert "style=" not in html
