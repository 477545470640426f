import Endings
import Testing

@Suite struct ErrorPageTests {
    private func text(_ refusal: Refusal, id: String = "r1", language: String = "en") -> String {
        String(
            decoding: ErrorPage.encode(refusal, requestID: id, language: language), as: UTF8.self)
    }

    @Test func `what is said is text and nothing else`() {
        let hostile = "<script>&'\"</script>"
        let page = text(Refusal(.connectionRejected, message: hostile), id: hostile)
        #expect(!page.contains("<script"))
        let escaped = "&lt;script&gt;&amp;&#39;&quot;&lt;/script&gt;"
        #expect(page.split(separator: escaped).count == 3, "the message and the id")
    }

    @Test func `every way to end a request has words in both languages`() {
        for reason in EndReason.allCases {
            guard let status = reason.status else { continue }
            let refusal = Refusal(reason, status: status, message: "So it is")
            #expect(text(refusal).contains("<html lang=\"en\">"))
            #expect(text(refusal).contains("<p>So it is</p>"))
            let korean = text(refusal, language: "ko")
            #expect(korean.contains("<html lang=\"ko\">"))
            #expect(korean.contains("<p>So it is</p>") == (reason == .connectionRejected))
            #expect(korean.contains("<code>r1</code>"))
            #expect(korean.contains("\(status)"))
        }
    }

    @Test func `nothing comes from elsewhere`() {
        let page = text(Refusal(.policy, status: 404, message: "x"))
        for word in ["src=", "href=", "url(", "http:", "https:", "@import", "onload"] {
            #expect(!page.contains(word))
        }
        #expect(ErrorPage.contentSecurityPolicy.hasPrefix("default-src 'none';"))
    }
}
