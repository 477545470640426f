import Bytes
package import HTTP

extension RequestHead {
    /// Whom the request is for: the authority of an absolute target, whatever `Host` says, else
    /// `Host` (RFC 9112 §3.2.2, §3.3). Nil when it names nobody: HTTP/1.0 without `Host`, or an
    /// empty one.
    package var authority: Authority? {
        let span = fields.bytes.span
        let text = span.extracting(target)
        if let start = Authority.start(ofAbsolute: text) {
            var end = start
            while end < text.count, !Authority.isEnd(text[end]) { end += 1 }
            return Authority(text.extracting(start..<end))
        }
        return fields.range(of: .host).flatMap { Authority(span.extracting($0)) }
    }
}
