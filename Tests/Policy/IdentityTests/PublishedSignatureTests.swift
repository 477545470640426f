import Bytes
import Clock
import Identity
import JSON
import JWT
import Settings
import Testing

@Suite("Signatures that RFCs show")
struct PublishedSignatureTests {
    private static func ring(
        _ vector: PublishedSignature,
        _ algorithms: [SignatureAlgorithm] = SignatureAlgorithm.allCases
    ) throws -> KeyRing {
        let (usable, unusable) = KeyRing.keys(
            of: try JSONWebKeySet(vector.key.utf8.span), algorithms: algorithms)
        #expect(unusable.isEmpty)
        return KeyRing(usable)
    }

    /// The error of verifying a token, its payload aside, with the keys of `ring`; nil when it is
    /// good.
    private static func failure(_ token: String, _ ring: KeyRing) -> TokenError? {
        do {
            let compact = try CompactToken(token.utf8.span)
            guard let algorithm = SignatureAlgorithm(spelled: compact.algorithm) else {
                return .algorithm
            }
            try ring.verify(compact, algorithm: algorithm, token: token.utf8.span)
            return nil
        } catch {
            return error
        }
    }

    @Test("are verified with their keys", arguments: PublishedSignature.all)
    func verified(vector: PublishedSignature) throws {
        let compact = try CompactToken(vector.token.utf8.span)
        #expect(compact.algorithm == vector.algorithm.rawValue)
        #expect(Self.failure(vector.token, try Self.ring(vector)) == nil)
        #expect(Self.failure(vector.token, try Self.ring(vector, [vector.algorithm])) == nil)
    }

    @Test("are refused once anything was changed", arguments: PublishedSignature.all)
    func changed(vector: PublishedSignature) throws {
        let ring = try Self.ring(vector)
        let parts = vector.token.split(separator: ".").map(String.init)
        let payload = try #require(octets(parts[1]))
        let signature = try #require(octets(parts[2]))
        for index in [0, payload.count / 2, payload.count - 1] {
            var other = payload
            other[index] ^= 1
            let text = "\(parts[0]).\(segment(other)).\(parts[2])"
            #expect(Self.failure(text, ring) == .signature)
        }
        for index in stride(from: 0, to: signature.count, by: 7) {
            var other = signature
            other[index] ^= 0x10
            let text = "\(parts[0]).\(parts[1]).\(segment(other))"
            #expect(Self.failure(text, ring) == .signature)
        }
        #expect(Self.failure("\(parts[0]).\(parts[1]).", ring) == .signature)
        #expect(Self.failure(vector.token + "AA", ring) != nil)
    }

    @Test("are refused with the keys of the others")
    func otherKeys() throws {
        for vector in PublishedSignature.all {
            for other in PublishedSignature.all where other.key != vector.key {
                let error = Self.failure(vector.token, try Self.ring(other))
                #expect(error == .signature || error == .algorithm || error == .unknownKey)
            }
        }
    }

    @Test("every kind of key of RFC 7515 and RFC 8037 is verified from one set")
    func oneSet() throws {
        let keys = PublishedSignature.all.map(\.key).joined(separator: ",")
        let set = try JSONWebKeySet("{\"keys\":[\(keys)]}".utf8.span)
        let ring = KeyRing(KeyRing.keys(of: set, algorithms: SignatureAlgorithm.allCases).usable)
        #expect(ring.keys.count == PublishedSignature.all.count)
        for vector in PublishedSignature.all {
            #expect(Self.failure(vector.token, ring) == nil, "\(vector.name)")
        }
    }

    @Test("a token whose content is elsewhere (RFC 7520 §4.5) is none")
    func detached() throws {
        let vector = try #require(PublishedSignature.all.first { $0.name == "RFC 7520 §4.4" })
        let parts = vector.token.split(separator: ".").map(String.init)
        let ring = try Self.ring(vector)
        #expect(Self.failure("\(parts[0])..\(parts[2])", ring) == .signature)
        // RFC 7520 §4.7 protects no header, which has no compact form.
        #expect(Self.failure(".\(parts[1]).\(parts[2])", ring) == .malformed)
    }

    @Test("the claims of RFC 7515 A.1 to A.3 are read when the signature is good")
    func claims() throws {
        for vector in PublishedSignature.all.prefix(3) {
            let rule = settings {
                $0.userClaim = "iss"
                $0.leeway = .zero
            }
            let authenticator = try Authenticator(
                rule, algorithms: [vector.algorithm], keys: try Self.ring(vector))
            let moment = WallTime(seconds: 1_300_819_379)
            let identity = try authenticator.authenticate(vector.token.utf8.span, now: moment)
            #expect(identity.user == "joe")
            #expect(identity.expires == WallTime(seconds: 1_300_819_380))
        }
    }
}

private func octets(_ base64URL: String) -> [UInt8]? { Base64.decodeURL(base64URL.utf8.span) }
