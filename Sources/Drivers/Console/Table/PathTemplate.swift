import JSON

/// The path of an endpoint: `/sessions/{id}`. A capture takes one segment that is not
/// empty.
struct PathTemplate: Sendable, Hashable, ExpressibleByStringLiteral {
    enum Segment: Sendable, Hashable {
        case literal(String)
        case capture(String)

        var isCapture: Bool { if case .capture = self { true } else { false } }
    }

    let text: String
    let segments: [Segment]

    init(stringLiteral text: String) { self.init(text) }

    init(_ text: String) {
        precondition(text.hasPrefix("/"), "a path begins with a slash")
        self.text = text
        segments = Self.parts(of: text).map { part in
            part.hasPrefix("{") && part.hasSuffix("}")
                ? .capture(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
    }

    var captureNames: [String] {
        segments.compactMap { if case .capture(let name) = $0 { name } else { nil } }
    }

    /// The path with the values of its captures, decoded: for people.
    func filled(with captures: JSONObject) -> String {
        segments.map { segment in
            switch segment {
            case .literal(let text): "/" + text
            case .capture(let name): "/" + (captures[name]?.string ?? "{\(name)}")
            }
        }.joined()
    }

    /// The segments of a path in its normal form, as it is written.
    static func parts(of path: String) -> [Substring] {
        path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    }

    /// What stands in the place of the captures, in order and as it is written; nil for another
    /// path.
    func match(_ parts: [Substring]) -> [Substring]? {
        guard parts.count == segments.count else { return nil }
        var captured: [Substring] = []
        for (segment, part) in zip(segments, parts) {
            switch segment {
            case .literal(let text):
                guard part.utf8.elementsEqual(text.utf8) else { return nil }
            case .capture:
                if part.isEmpty { return nil }
                captured.append(part)
            }
        }
        return captured
    }

    /// True when there are paths that both match and this one says more about them: it has the
    /// first literal where they differ.
    func isMoreExact(than other: PathTemplate) -> Bool {
        for (own, others) in zip(segments, other.segments) where own.isCapture != others.isCapture {
            return others.isCapture
        }
        return false
    }
}
