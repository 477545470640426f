import Bytes
package import HTTP
package import Settings

/// Writes the `Location` of a redirect from its template (RFC 9110 §10.2.2). What a client said
/// gets no further than the component it stands in (RFC 3986 §3): in the host it is labels of a
/// name, in the path a piece of a segment, in the query a piece of a value.
package struct Location {
    /// What stands in the place of a placeholder.
    package enum Value: Sendable {
        /// Any text, escaped where it stands; of a host, only labels.
        case text(String)
        /// Several segments: as `text`, but in a path its slashes stay.
        case segments(String)
        /// The host that the request is for; nil when it names none.
        case authority(Authority?)
        /// A normal path of the request, or its path and query.
        case path(String)
        case target(NormalisedTarget)
        /// `http` or `https`.
        case scheme(String)
    }

    private enum Component {
        /// A scheme, or the slash that a path or an authority begins with; or nothing yet.
        case start
        case authority, path
        /// A fragment, too.
        case query
    }

    private let origin: Authority?
    private let isTLS: Bool
    private var component = Component.start
    private var octets: [UInt8] = []
    /// Where the authority begins in `octets`, and where it ends as far as it is written.
    private var authority: Range<Int>?
    private var hasValueInAuthority = false
    private var beginsWithText = false
    private var isFit = true

    /// - Parameters:
    ///   - origin: whom the request is for; `isTLS` tells whether it came over TLS.
    ///   - value: what a placeholder stands for. It is told whether the location leaves the origin
    ///     (for another host, or for one without TLS): what is secret must not go there.
    /// - Returns: nil when what the client said fits no such location.
    package static func expand(
        _ template: Template, from origin: Authority?, isTLS: Bool,
        _ value: (_ name: String, _ leavesOrigin: Bool) -> Value
    ) -> String? {
        var location = Location(origin: origin, isTLS: isTLS)
        for part in template.parts {
            switch part {
            case .text(let text):
                for octet in text.utf8 { location.append(literal: octet) }
            case .placeholder(let name): location.append(value(name, location.leavesOrigin))
            }
        }
        return location.finished
    }

    private init(origin: Authority?, isTLS: Bool) {
        self.origin = origin
        self.isTLS = isTLS
    }

    private var leavesOrigin: Bool {
        guard let authority else { return false }
        if isTLS, octets.count > 5, octets.span.extracting(0..<5).matchesIgnoringCase("http:") {
            return true
        }
        guard let origin, let named = Authority(octets.span.extracting(authority)) else {
            return true
        }
        return named.host != origin.host
    }

    private var finished: String? {
        guard isFit else { return nil }
        if let authority {
            // What is the operator's alone may have a user, or be no host at all.
            let isLegal = Authority.isLegal(octets.span.extracting(authority))
            return isLegal || !hasValueInAuthority ? octets.text(octets.indices) : nil
        }
        if beginsWithText, hasScheme { return nil }
        // An empty value between two slashes would make a host of what follows.
        let slashes = octets.prefix { $0 == Self.slash }.count
        return octets.text(max(0, slashes - 1)..<octets.count)
    }

    /// True when a colon comes before the first slash (RFC 3986 §4.2).
    private var hasScheme: Bool {
        octets.first { $0 == UInt8(ascii: ":") || Authority.isEnd($0) } == UInt8(ascii: ":")
    }

    // MARK: Parts

    private mutating func append(literal octet: UInt8) {
        octets.append(octet)
        switch component {
        case .start: started(with: octet)
        case .authority:
            if Authority.isEnd(octet) {
                component = octet == Self.slash ? .path : .query
            } else {
                extendAuthority()
            }
        case .path: if octet != Self.slash, Authority.isEnd(octet) { component = .query }
        case .query: break
        }
    }

    private mutating func started(with octet: UInt8) {
        if octet == Self.slash {
            let count = octets.count
            if count == 2 && octets[0] == Self.slash || octets.suffix(3).elementsEqual("://".utf8) {
                component = .authority
                authority = count..<count
            } else if count > 1, octets[count - 2] != UInt8(ascii: ":") {
                component = .path
            }
        } else if Authority.isEnd(octet) {
            component = .query
        } else if octets[0] == Self.slash {
            component = .path
        }
    }

    private mutating func append(_ value: Value) {
        switch component {
        case .authority: append(toAuthority: value)
        case .query: append(value.text) { PercentEncoding.isUnreserved($0) || $0 == Self.slash }
        case .start, .path: append(toPath: value)
        }
    }

    private mutating func append(toAuthority value: Value) {
        switch value {
        case .text(let label), .segments(let label), .scheme(let label):
            isFit = isFit && Self.areLabels(label)
            octets.append(label)
            hasValueInAuthority = true
            extendAuthority()
        case .authority(let named):
            isFit = isFit && named != nil
            octets.append(named?.text ?? "")
            hasValueInAuthority = true
            extendAuthority()
        case .path, .target: append(toPath: value)
        }
    }

    private mutating func append(toPath value: Value) {
        switch value {
        case .scheme(let scheme) where octets.isEmpty: return octets.append(scheme)
        case .text, .authority, .scheme:
            if octets.isEmpty { beginsWithText = true }
            append(value.text, keeping: PercentEncoding.isUnreserved)
        case .segments(let segments):
            if octets.isEmpty { beginsWithText = true }
            append(segments) { PercentEncoding.isUnreserved($0) || $0 == Self.slash }
        case .path(let path): append(path: path)
        case .target(let target):
            append(path: target.path)
            if let query = target.query {
                octets.append("?" + query)
                component = .query
                return
            }
        }
        component = .path
    }

    /// A path begins with a slash and so ends an authority; `*` does not.
    private mutating func append(path: String) {
        if component == .authority { isFit = isFit && path.utf8.first == Self.slash }
        octets.append(path)
    }

    private mutating func extendAuthority() {
        guard let start = authority?.lowerBound else { return }
        authority = start..<octets.count
    }

    // MARK: What may stand where

    private static let slash = UInt8(ascii: "/")

    /// Labels of a name (RFC 1123 §2.1, and `_`) with dots between them; a port is one, too.
    private static func areLabels(_ text: String) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .allSatisfy { label in
                (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
                    && label.allSatisfy {
                        ASCII.isAlpha($0) || ASCII.isDigit($0) || $0 == hyphen
                            || $0 == UInt8(ascii: "_")
                    }
            }
    }

    private mutating func append(_ text: String, keeping isKept: (UInt8) -> Bool) {
        for octet in text.utf8 {
            if isKept(octet) {
                octets.append(octet)
            } else {
                PercentEncoding.append(escaping: octet, to: &octets)
            }
        }
    }
}

extension Location.Value {
    fileprivate var text: String {
        switch self {
        case .text(let text), .segments(let text), .path(let text), .scheme(let text): text
        case .target(let target): target.text
        case .authority(let authority): authority?.text ?? ""
        }
    }
}
