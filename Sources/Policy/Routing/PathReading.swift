import Bytes
import Settings

/// What an app takes for the same segment of a path, as the configuration says of it.
struct PathReading: OptionSet, Sendable, Hashable {
    let rawValue: Int

    /// `/ADMIN` for `/admin`.
    static let ignoringCase = PathReading(rawValue: 1)
    /// `/admin;x` for `/admin`.
    static let ignoringParameters = PathReading(rawValue: 2)

    static let count = 4

    init(rawValue: Int) { self.rawValue = rawValue }

    init(_ paths: PathSettings) {
        self = paths.ignoresCase ? .ignoringCase : []
        if paths.parameters != .keep { insert(.ignoringParameters) }
    }

    /// What a segment stands for when it is read so.
    func decoded(_ segment: Substring) -> String {
        guard contains(.ignoringParameters) else { return PercentEncoding.decode(segment) }
        return PercentEncoding.decode(segment.withoutParameters)
    }

    /// As the literals of routes are compared when they are read so.
    func key(of segment: Substring) -> SegmentText {
        let text = decoded(segment)
        return SegmentText(text: contains(.ignoringCase) ? text.withoutCase : text)
    }

    /// As `decoded`, of several segments.
    func decoded(segments: Substring) -> String {
        guard contains(.ignoringParameters), segments.utf8.contains(UInt8(ascii: ";")) else {
            return PercentEncoding.decode(segments)
        }
        return segments.split(separator: "/", omittingEmptySubsequences: false)
            .map { decoded($0) }.joined(separator: "/")
    }
}

/// A segment as it is compared: by its octets. Texts that only look alike (U+00E9, and `e` with
/// U+0301) are equal as `String`, and are two paths to apps.
struct SegmentText: Sendable, Hashable {
    let text: String

    static func == (left: SegmentText, right: SegmentText) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        // Texts that are equal by their octets are equal as `String`, too.
        text.hash(into: &hasher)
    }
}

extension Substring {
    /// A segment up to its first `;`.
    fileprivate var withoutParameters: Substring {
        prefix(upTo: utf8.firstIndex(of: UInt8(ascii: ";")) ?? endIndex)
    }
}

extension String {
    /// Equal for whatever differs by case alone, by anybody's understanding of case: there and
    /// back, since some letters have an upper case only by one way of folding them.
    fileprivate var withoutCase: String { uppercased().lowercased() }
}
