import Bytes
import JSON

/// The first message of a WebSocket, in which a client brings its token that can say nothing in the
/// handshake (`from message:PATH`): a browser, a GraphQL client (`connection_init`), one of
/// Socket.IO (`auth`).
///
/// Nobody is let in by it yet: everything in it is hostile.
package struct FirstMessage: Sendable {
    /// Octets of such a message at most, inflated.
    package static let octetLimit = 64 * 1024
    private static let scheme = "bearer "

    /// As the client sent it.
    private let octets: [UInt8]
    /// Octets in front of the object.
    private let prefixCount: Int
    /// Nil for what is no JSON object, and so holds no token.
    private let object: JSONObject?

    /// - Parameter isText: a binary message is the app's, whatever it holds.
    package init(_ octets: [UInt8], isText: Bool) {
        self.init(octets, object: isText ? 0..<octets.count : 0..<0)
    }

    /// - Parameter range: where the JSON object is, at the end of the message; empty for none.
    package init(_ octets: [UInt8], object range: Range<Int>) {
        self.octets = octets
        prefixCount = range.lowerBound
        var limits = JSONLimits()
        limits.octets = Self.octetLimit
        limits.values = 4096
        object = (try? JSONValue.decode(octets.span.extracting(range), limits: limits))?.object
    }

    package var count: Int { octets.count }

    /// The string at the end of the path, without `Bearer` in front of it; nil when there is none.
    func token(at path: [String]) -> [UInt8]? {
        guard let object, let text = object.value(at: path[...])?.string else { return nil }
        var token = Array(text.utf8)
        let scheme = Self.scheme.utf8.count
        if token.count > scheme, token.span.extracting(0..<scheme).matchesIgnoringCase(Self.scheme)
        {
            token.removeFirst(scheme)
            token = token.span.extracting(token.span.trimmingWhitespace(0..<token.count)).array
        }
        return token.isEmpty ? nil : token
    }

    /// The message for the app: octet for octet what the client sent where nothing has to go.
    package func withoutTokens(at paths: [[String]]) -> [UInt8] {
        guard var object else { return octets }
        let found = paths.filter { object.value(at: $0[...]) != nil }
        if found.isEmpty { return octets }
        for path in found { object.remove(path[...]) }
        var output = Array(octets.prefix(prefixCount))
        output.appendJSON(object)
        return output
    }
}

extension JSONObject {
    fileprivate func value(at path: ArraySlice<String>) -> JSONValue? {
        guard let name = path.first, let value = self[name] else { return nil }
        return path.count == 1 ? value : value.object?.value(at: path.dropFirst())
    }

    fileprivate mutating func remove(_ path: ArraySlice<String>) {
        guard let name = path.first else { return }
        if path.count == 1 { return self[name] = nil }
        guard var inner = self[name]?.object else { return }
        inner.remove(path.dropFirst())
        self[name] = .object(inner)
    }
}
