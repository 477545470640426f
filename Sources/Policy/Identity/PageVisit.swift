import Bytes
package import HTTP

/// Whether a request is a user's visit to a page: a user is shown a page, or led to a login; a
/// script gets JSON.
package enum PageVisit {
    /// What such a question depends on, as `Vary` names it.
    package static let vary = "Accept, Accept-Language, Sec-Fetch-Mode"

    /// True for a `GET` or `HEAD` that asks for HTML rather than for a problem document, and that a
    /// browser, where it says so (W3C Fetch Metadata), makes in order to show what comes. Never
    /// true of `fetch()`, XHR, event streams and handshakes.
    package static func isOne(_ head: RequestHead) -> Bool {
        guard head.method == .get || head.method == .head, !head.fields.contains(.upgrade),
            MediaPreference(head.fields).prefers(
                "text/html",
                to: ["application/problem+json", "application/json", "text/event-stream"])
        else { return false }
        let span = head.fields.bytes.span
        for line in head.fields.lines where line.known == .other {
            let name = span.extracting(line.name)
            // Libraries that ask in place of a page say so where browsers do not.
            if name.matchesIgnoringCase("x-requested-with") { return false }
            if name.matchesIgnoringCase("sec-fetch-mode"),
                !span.extracting(line.value).matches("navigate")
            {
                return false
            }
        }
        return true
    }
}
