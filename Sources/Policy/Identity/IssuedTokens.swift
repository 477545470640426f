import Bytes
import JSON
import JWT
import Settings

/// Which texts may be tokens that some `jwt` block believes, where nobody verifies them: so that
/// the gateway keeps what is its own, and leaves to the app what is the app's.
///
/// A text in the form of a token is no block's when its algorithm, `iss` or `aud` is not what the
/// block asks for: the block never accepts such a token, whatever its signature. Dates do not
/// count. A text that cannot be read counts as a token.
struct IssuedTokens: Sendable, Equatable {
    private struct Block: Sendable, Equatable {
        let algorithms: [String]
        let origin: ClaimRules
    }

    private let blocks: [Block]

    init(_ rules: [TokenSettings]) {
        blocks = rules.map { rule in
            var origin = ClaimRules()
            origin.issuer = rule.issuer
            origin.audiences = rule.audiences
            return Block(algorithms: rule.algorithms.map(\.rawValue), origin: origin)
        }
    }

    /// True when a word of `value` may be such a token, whatever stands before and behind it: a
    /// scheme, the name of a parameter, quotes.
    func mayBeIn(_ value: Span<UInt8>) -> Bool {
        var start = 0
        for index in 0...value.count
        where index == value.count || !TokenForm.mayHold(value[index]) {
            let word = value.extracting(start..<index)
            if TokenForm.fits(word), mayBeToken(word) { return true }
            start = index + 1
        }
        return Self.basic(value).map { mayBeIn($0.span) } ?? false
    }

    /// The user and the password of `Basic` (RFC 7617 §2), either of which may be a token.
    private static func basic(_ value: Span<UInt8>) -> [UInt8]? {
        let scheme = "basic "
        guard value.count > scheme.utf8.count,
            value.extracting(0..<scheme.utf8.count).matchesIgnoringCase(scheme)
        else { return nil }
        let range = value.trimmingWhitespace(scheme.utf8.count..<value.count)
        return Base64.decode(value.extracting(range))
    }

    private func mayBeToken(_ text: Span<UInt8>) -> Bool {
        guard let token = try? CompactToken(text), let claims = try? token.decodeClaims() else {
            return !blocks.isEmpty
        }
        return blocks.contains { block in
            guard block.algorithms.contains(token.algorithm) else { return false }
            do {
                try block.origin.checkOrigin(claims)
                return true
            } catch {
                return false
            }
        }
    }
}
