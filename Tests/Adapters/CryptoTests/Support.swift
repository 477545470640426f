import Bytes
import Randomness
import Testing

@testable import Crypto

/// How often a fuzz test runs, unless `FUZZ_ITERATIONS` says.
let fuzzIterations = Fuzzing.iterations(default: 3000)

/// Where `FUZZ_SEED` starts another walk.
let fuzzSeed = Fuzzing.seed()

func octets(hexadecimal text: String) -> [UInt8] {
    var octets: [UInt8] = []
    var high: UInt8?
    for digit in text.utf8.compactMap(ASCII.hexValue) {
        if let first = high { octets.append(first << 4 | digit) }
        high = high == nil ? digit : nil
    }
    return octets
}

func octets(base64URL text: String) throws -> [UInt8] {
    let decoded = Base64.decodeURL(text.utf8.span)
    return try #require(decoded)
}

/// Both are numbers of the same length, big-endian, and `right` is not larger.
func difference(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
    var result = left
    var borrow = 0
    for index in left.indices.reversed() {
        let digit = Int(left[index]) - Int(right[index]) - borrow
        borrow = digit < 0 ? 1 : 0
        result[index] = UInt8(truncatingIfNeeded: digit)
    }
    return result
}

/// True when nothing is left in this thread's error queue, where a TLS operation would find it.
func errorQueueIsEmpty() -> Bool { CryptoError.last("probe").reason == "no reason given" }

/// The error of reading a public key, or nil.
func failure(pem: String) -> KeyError? {
    do {
        _ = try PublicKey(pem: pem.utf8.span)
        return nil
    } catch {
        return error
    }
}

extension SampleKey {
    func privateKey() throws -> PrivateKey { try PrivateKey(pem: privatePEM.utf8.span) }
    func publicKey() throws -> PublicKey { try PublicKey(pem: publicPEM.utf8.span) }

    var kind: PublicKey.Kind {
        switch self {
        case .rsa: .rsa
        case .p256: .p256
        case .p384: .p384
        case .p521: .p521
        case .ed25519: .ed25519
        }
    }

    init(for scheme: SignatureScheme) {
        self = Self.allCases.first { $0.kind == scheme.keyKind } ?? .rsa
    }
}
