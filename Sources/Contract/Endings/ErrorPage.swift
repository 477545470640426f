import Bytes
import HTTP1

/// The body of an error for a user who visits a page: HTML that needs nothing from anywhere else.
package enum ErrorPage {
    package static let contentType = "text/html; charset=utf-8"

    /// The languages there are, the one for who names none of them first.
    package static let languages = ["ko", "en"]

    /// Nothing is loaded, run, framed or sent; the only style is the one below, by its digest.
    package static let contentSecurityPolicy =
        "default-src 'none'; style-src '\(styleDigest)'; base-uri 'none'; form-action 'none'"

    private static let style =
        "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:15vh auto;"
        + "padding:0 1.5rem;color-scheme:light dark}h1{font-size:1.5rem}small{opacity:.7}"

    private static let styleDigest =
        "sha256-c1QD+KJQ3/XAVt/EQJn2B4J+5VqYVY2M0h9d3/9X5gI="

    /// - Parameters:
    ///   - language: one of `languages`.
    /// - requestID: what the user can tell the people who run the site.
    package static func encode(
        _ refusal: Refusal, requestID: String, language: String
    ) -> [UInt8] {
        let words = Words(status: refusal.status)
        let isKorean = language == "ko"
        // The message of a full store is in the language of the client already.
        let isSaidAlready = refusal.reason == .connectionRejected
        let text = isKorean && !isSaidAlready ? words.koreanText : refusal.message
        var body: [UInt8] = []
        body.append("<!doctype html>\n<html lang=\"\(isKorean ? "ko" : "en")\">\n")
        body.append("<meta charset=\"utf-8\">\n")
        body.append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        let title = escaped(isKorean ? words.koreanTitle : words.title)
        body.append("<title>\(title)</title>\n<style>\(style)</style>\n")
        body.append("<h1>\(title)</h1>\n<p>\(escaped(text))</p>\n")
        body.append("<p><small>\(isKorean ? "오류" : "Error") \(refusal.status)<br>")
        body.append("\(isKorean ? "요청 번호" : "Request") <code>\(escaped(requestID))</code>")
        body.append("</small></p>\n</html>\n")
        return body
    }

    /// What HTML would read as anything but text (HTML §13.1.2.3, §13.1.2.4).
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { escaped, character in
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(character)
            }
        }
    }

    /// What people are told by the status.
    private struct Words {
        let title: String
        let koreanTitle: String
        let koreanText: String

        private init(_ title: String, _ koreanTitle: String, _ koreanText: String) {
            self.title = title
            self.koreanTitle = koreanTitle
            self.koreanText = koreanText
        }

        init(status: Int) {
            self = Self.known[status] ?? (status < 500 ? Self.badRequest : Self.failure)
        }

        private static let badRequest = Words(
            "This request cannot be understood", "잘못된 요청입니다", "요청을 이해할 수 없습니다.")
        private static let failure = Words(
            "Something went wrong", "오류가 발생했습니다", "요청을 처리하지 못했습니다. 잠시 후 다시 시도해 주세요.")
        private static let tooBig = Words(
            "This is too large", "요청이 너무 큽니다", "보낸 내용이 허용된 크기를 넘었습니다.")

        private static let known: [Int: Words] = [
            401: Words(
                "Please sign in", "로그인이 필요합니다", "로그인하지 않았거나 로그인이 만료되었습니다. 다시 로그인해 주세요."),
            403: Words("You may not see this", "접근할 수 없습니다", "이 페이지를 볼 권한이 없습니다."),
            404: Words(
                "There is nothing here", "페이지를 찾을 수 없습니다", "이 주소에는 아무것도 없습니다. 주소를 확인해 주세요."),
            405: Words(
                "This cannot be done here", "허용되지 않는 요청입니다", "이 주소에서는 이런 방식의 요청을 할 수 없습니다."),
            408: Words(
                "This took too long", "시간이 초과되었습니다", "요청이 제때 도착하지 않았습니다. 다시 시도해 주세요."),
            409: Words("No more devices can connect", "접속할 수 없습니다", "접속 가능한 대수를 초과하여 접속할 수 없습니다."),
            413: tooBig, 414: tooBig, 431: tooBig,
            426: Words("This is not a page", "페이지가 아닙니다", "이 주소는 웹소켓 연결만 받습니다."),
            429: Words("Too many requests", "요청이 너무 많습니다", "잠시 후 다시 시도해 주세요."),
            502: Words(
                "The application cannot be reached", "서비스에 연결할 수 없습니다",
                "애플리케이션이 응답하지 않습니다. 잠시 후 다시 시도해 주세요."),
            503: Words(
                "This is not available right now", "지금은 이용할 수 없습니다",
                "서비스가 바쁘거나 점검 중입니다. 잠시 후 다시 시도해 주세요."),
            504: Words(
                "The application is too slow", "응답이 늦어지고 있습니다",
                "애플리케이션이 제때 응답하지 않았습니다. 잠시 후 다시 시도해 주세요."),
        ]
    }
}
