/// What a route says of paths: how its app reads them, and what it is sent.
package struct PathSettings: Sendable, Hashable {
    /// `path normal|keep`.
    package enum Spelling: String, Sendable, CaseIterable {
        /// The app is sent the spelling that routes are chosen by.
        case normal
        /// The app is sent what the client sent, to the octet.
        case keep
    }

    /// `encoded_slashes refuse|keep`: `%2F` and `%5C`.
    package enum EncodedSlashes: String, Sendable, CaseIterable {
        case refuse
        /// Escaped slashes are part of their segment.
        case keep
    }

    /// `parameters keep|ignore|refuse`: what follows a `;` in a segment (RFC 3986 §3.3).
    package enum Parameters: String, Sendable, CaseIterable {
        /// Parameters are part of their segment.
        case keep
        /// The app takes a segment for the same without them; they are sent all the same.
        case ignore
        /// As `ignore`, but a path that has some is refused.
        case refuse
    }

    /// `strip PREFIX`.
    package struct Prefix: Sendable, Hashable {
        /// As apps are told it: without a slash at the end.
        package var text: String
        /// How many segments it has, at least one.
        package var segmentCount: Int

        package init(text: String, segmentCount: Int) {
            self.text = text
            self.segmentCount = segmentCount
        }
    }

    package var spelling = Spelling.normal
    package var encodedSlashes = EncodedSlashes.refuse
    /// The app takes `/ADMIN` for `/admin`.
    package var ignoresCase = false
    package var parameters = Parameters.keep
    /// What the app, mounted below it, is not sent.
    package var prefix: Prefix?

    package init() {}
}

extension ValueSource {
    /// The name of the capture that it reads; nil for any other.
    var capture: String? { if case .path(let name) = self { name } else { nil } }
}

extension RouteSettings {
    /// The names of captures that decide who is let in, where, or how often.
    package var judgedCaptures: Set<String> {
        // What a sessions block reads of the path names the store or the device.
        if sessions != nil { return Set(path.captures) }
        let rated = rates.compactMap { limit -> String? in
            if case .source(let source) = limit.subject { source.capture } else { nil }
        }
        return Set(require.flatMap(\.sources).compactMap(\.capture) + rated)
    }
}
