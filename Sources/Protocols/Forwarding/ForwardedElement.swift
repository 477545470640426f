import Bytes

/// One element of `Forwarded`: what one proxy says of the request it received (RFC 7239 §4).
package struct ForwardedElement: Sendable, Hashable {
    /// `for`: who made the request to the proxy; nil when it does not say, or says what is no node.
    package var node: ForwardingNode?
    /// `host`: the request's `Host`, as it is written.
    package var host: [UInt8]?
    /// `proto`: the scheme, as it is written.
    package var scheme: [UInt8]?

    package init(node: ForwardingNode? = nil, host: [UInt8]? = nil, scheme: [UInt8]? = nil) {
        self.node = node
        self.host = host
        self.scheme = scheme
    }
}

/// All elements of `Forwarded` in a message, in order; lines make one list (RFC 9110 §5.3):
///
///     Forwarded         = 1#forwarded-element
///     forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
///     forwarded-pair    = token "=" ( token / quoted-string )
///
/// Read for its end, which the nearest proxy wrote: what is malformed, and everything before it,
/// is as if it had not been said. Behind a malformed element reading goes on at the next comma,
/// also when that comma stands in a string that is never closed, so that a client cannot spoil
/// what a proxy appends to its line. Spaces around pairs, and `:[]` without quotes, are let pass.
package struct ForwardedList: Sendable {
    /// More than the proxies of any chain; earlier elements are dropped.
    package static let elementLimit = 64

    package private(set) var elements: [ForwardedElement] = []

    package init() {}

    /// Reads the value of one line of the field.
    package mutating func read(_ value: Span<UInt8>) {
        var index = 0
        while index <= value.count {
            let start = index
            if let element = Self.element(value, at: &index) {
                if let element { append(element) }
            } else {
                elements.removeAll()
                index = value.firstIndex(of: comma, from: start) ?? value.count
            }
            // The comma, or the end.
            index += 1
        }
    }

    private mutating func append(_ element: ForwardedElement) {
        if elements.count == Self.elementLimit { elements.removeFirst() }
        elements.append(element)
    }

    /// Nil when it is malformed, `.some(nil)` when it is empty; then `index` is at a comma or at
    /// the end.
    private static func element(
        _ value: Span<UInt8>, at index: inout Int
    ) -> ForwardedElement?? {
        var element = ForwardedElement()
        var seen: Set<String> = []
        skipSpace(value, at: &index)
        while index < value.count, value[index] != comma {
            if value[index] != semicolon {
                guard let (name, text) = pair(value, at: &index), seen.insert(name).inserted
                else { return nil }
                switch name {
                case "for": element.node = ForwardingNode(text.span)
                case "host": element.host = text
                case "proto": element.scheme = text
                default: break
                }
            }
            skipSpace(value, at: &index)
            guard index < value.count, value[index] != comma else { break }
            guard value[index] == semicolon else { return nil }
            index += 1
            skipSpace(value, at: &index)
        }
        return .some(seen.isEmpty ? nil : element)
    }

    /// The name in lower case, and the value without its quotes.
    private static func pair(
        _ value: Span<UInt8>, at index: inout Int
    ) -> (name: String, value: [UInt8])? {
        let start = index
        while index < value.count, ASCII.isToken(value[index]) { index += 1 }
        guard index > start, index < value.count, value[index] == UInt8(ascii: "=") else {
            return nil
        }
        let name = value.extracting(start..<index).text.lowercased()
        index += 1
        guard index < value.count else { return nil }
        if value[index] == quote {
            guard let text = quoted(value, at: &index) else { return nil }
            return (name, text)
        }
        let begin = index
        while index < value.count, isValueOctet(value[index]) { index += 1 }
        return index > begin ? (name, value.extracting(begin..<index).array) : nil
    }

    /// RFC 9110 §5.6.4; nil when it is never closed.
    private static func quoted(_ value: Span<UInt8>, at index: inout Int) -> [UInt8]? {
        var text: [UInt8] = []
        index += 1
        while index < value.count, value[index] != quote {
            if value[index] == UInt8(ascii: "\\") { index += 1 }
            guard index < value.count else { return nil }
            text.append(value[index])
            index += 1
        }
        guard index < value.count else { return nil }
        index += 1
        return text
    }

    private static func isValueOctet(_ octet: UInt8) -> Bool {
        ASCII.isToken(octet) || octet == UInt8(ascii: ":") || octet == UInt8(ascii: "[")
            || octet == UInt8(ascii: "]")
    }

    private static func skipSpace(_ value: Span<UInt8>, at index: inout Int) {
        while index < value.count, value[index] == ASCII.space || value[index] == ASCII.tab {
            index += 1
        }
    }
}

extension ForwardedElement {
    /// Appends the element; host and scheme, where they are there, are legal as such.
    package func append(to output: inout [UInt8]) {
        (node ?? ForwardingNode(.unknown)).appendParameter(to: &output)
        if let host {
            output.append(";host=")
            // A legal host is a token unless it holds a colon or brackets (RFC 3986 §3.2.2).
            if host.allSatisfy(ASCII.isToken), !host.isEmpty {
                output.append(contentsOf: host)
            } else {
                output.append(quote)
                output.append(contentsOf: host)
                output.append(quote)
            }
        }
        if let scheme {
            output.append(";proto=")
            output.append(contentsOf: scheme)
        }
    }
}

private let comma = UInt8(ascii: ",")
private let semicolon = UInt8(ascii: ";")
private let quote = UInt8(ascii: "\"")
