import Bytes

/// Writes events and comments of a `text/event-stream` (WHATWG HTML §9.2.5) at the end of an array.
/// Whatever the texts hold, they stay inside the event they were given for.
package enum EventEncoder {
    /// One event with its closing empty line.
    ///
    /// - `retryMilliseconds`: how long the client waits before it reconnects.
    /// - `event`, `id`: line breaks and NUL in them become spaces, for neither can carry any.
    /// - `data`: lines end in LF, CR or CRLF, and arrive as LF. Without data the client takes over
    ///   `retry` and `id` but dispatches nothing.
    package static func append(
        event: String? = nil, id: String? = nil, retryMilliseconds: Int? = nil,
        data: String? = nil, to output: inout [UInt8]
    ) {
        if let retryMilliseconds {
            output.append("retry: ")
            output.append(decimal: max(0, retryMilliseconds))
            output.append(ASCII.lineFeed)
        }
        if let event { appendLine("event: ", event, to: &output) }
        if let id { appendLine("id: ", id, to: &output) }
        if let data { appendLines("data: ", data.utf8.span, to: &output) }
        output.append(ASCII.lineFeed)
    }

    /// A comment, which keeps the connection alive and which nobody sees; `:` when `text` is empty.
    package static func appendComment(_ text: String = "", to output: inout [UInt8]) {
        appendLines(text.isEmpty ? ":" : ": ", text.utf8.span, to: &output)
        output.append(ASCII.lineFeed)
    }

    private static func appendLine(_ name: String, _ value: String, to output: inout [UInt8]) {
        output.append(name)
        for octet in value.utf8 { output.append(breaks(octet) ? ASCII.space : octet) }
        output.append(ASCII.lineFeed)
    }

    private static func breaks(_ octet: UInt8) -> Bool {
        octet == ASCII.lineFeed || octet == ASCII.carriageReturn || octet == 0
    }

    /// One line with `name` for every line of `text`; a line end at the very end opens another one.
    private static func appendLines(
        _ name: String, _ text: Span<UInt8>, to output: inout [UInt8]
    ) {
        var start = 0
        while true {
            var end = start
            while end < text.count, text[end] != ASCII.lineFeed,
                text[end] != ASCII.carriageReturn
            {
                end += 1
            }
            output.append(name)
            output.append(copying: text.extracting(start..<end))
            output.append(ASCII.lineFeed)
            if end == text.count { return }
            let isPair =
                text[end] == ASCII.carriageReturn && end + 1 < text.count
                && text[end + 1] == ASCII.lineFeed
            start = end + (isPair ? 2 : 1)
        }
    }
}
