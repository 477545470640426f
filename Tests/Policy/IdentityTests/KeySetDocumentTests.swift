import Crypto
import Identity
import JWT
import Settings
import Testing

@Suite struct KeySetDocumentTests {
    private static let remote = KeySetSource.remote(
        RemoteKeySet(url: "https://issuer.test/keys", host: "issuer.test"))
    private static let file = KeySetSource.keySet(path: "keys.json")

    private func document(_ text: String, of source: KeySetSource) throws -> KeySetDocument {
        try KeySetDocument(Array(text.utf8), of: source)
    }

    private func keyIDs(
        _ document: KeySetDocument, _ algorithms: [SignatureAlgorithm]
    ) -> [String?] {
        document.keys(for: algorithms, allowsWeakKeys: false).usable.map(\.keyID)
    }

    private static let mixed = KeySetSamples.set([
        KeySetSamples.curveKey("ec"), KeySetSamples.edwardsKey, KeySetSamples.secret,
        #"{"kty":"EC","crv":"secp256k1","kid":"bitcoin","x":"AA","y":"AA"}"#,
        KeySetSamples.wrongPoint,
    ])

    @Test(
        arguments: [
            ([.es256], ["ec"]), ([.es256, .edDSA], ["ec", "ed"]), ([.hs256], ["secret"]),
            ([.rs256], []),
        ] as [([SignatureAlgorithm], [String])])
    func `a block gets the keys of its algorithms`(
        algorithms: [SignatureAlgorithm], ids: [String]
    ) throws {
        let document = try document(Self.mixed, of: Self.file)
        #expect(keyIDs(document, algorithms) == ids)
        #expect(document.keyCount == 4)
    }

    @Test func `secrets that everybody can fetch do not count`() throws {
        let document = try document(Self.mixed, of: Self.remote)
        #expect(keyIDs(document, SignatureAlgorithm.allCases) == ["ec", "ed"])
        #expect(throws: KeySetDocument.Problem.noUsableKey(nil)) {
            try self.document(KeySetSamples.set([KeySetSamples.secret]), of: Self.remote)
        }
    }

    @Test func `why a key is not used is told without the key`() throws {
        let document = try document(Self.mixed, of: Self.file)
        let unusable = document.keys(for: [.es256], allowsWeakKeys: false).unusable
        #expect(unusable.compactMap(\.keyID) == ["ed", "secret", "wrong"])
        #expect(unusable.contains { $0.reason.hasPrefix("key 4: keys on this curve") })
        #expect(!unusable.contains { $0.reason.contains("MKBCTNIc") })
    }

    @Test(arguments: [
        "", "null", "[]", "{}", "{\"keys\":[]}", "{\"keys\":[{}]}", "{\"keys\":{}}", "<html>",
        "{\"keys\":[", KeySetSamples.set([KeySetSamples.wrongPoint]),
    ])
    func `a text without a key that is any good is none`(text: String) {
        for source in [Self.remote, Self.file, .key(path: "key.json")] {
            #expect(throws: KeySetDocument.Problem.self) { try document(text, of: source) }
        }
    }

    @Test func `a single key, a public key and a list of revoked tokens`() throws {
        let single = try document(KeySetSamples.curveKey("one"), of: .key(path: "key.json"))
        #expect(keyIDs(single, [.es256]) == ["one"])
        for id in [nil, "named"] {
            let pem = try document(
                KeySetSamples.publicPEM, of: .publicKey(path: "key.pem", id: id))
            #expect(keyIDs(pem, [.es256]) == [id])
            #expect(keyIDs(pem, [.rs256]) == [])
        }
        #expect(throws: KeySetDocument.Problem.pem(.noKey)) {
            try document("nothing", of: .publicKey(path: "key.pem", id: nil))
        }
        let list = try document("user 4711\n", of: .revocations(path: "revoked.txt"))
        #expect(list.octets == Array("user 4711\n".utf8))
        #expect(keyIDs(list, SignatureAlgorithm.allCases) == [])
        #expect(try document("", of: .revocations(path: "revoked.txt")).octets.isEmpty)
    }

    @Test func `a block has the keys of its own sources, and of no other`() throws {
        let sources = ["one.json": "one", "other.json": "other"]
        var settings = settings(algorithms: [.hs256, .es256])
        settings.keys += [
            KeySource(.keySet(path: "one.json")), KeySource(.publicKey(path: "key.pem", id: "p")),
        ]
        var asked: [KeySetSource] = []
        let ring = try KeyRing(settings) { source in
            asked.append(source)
            guard let name = source.path.flatMap({ sources[$0] }) else { return nil }
            return try? document(KeySetSamples.set([KeySetSamples.curveKey(name)]), of: source)
        }
        #expect(asked == settings.keySetSources)
        #expect(ring.keys.map(\.keyID) == [nil, "one"])
    }

    @Test func `a name shows no query`() {
        let set = RemoteKeySet(url: "https://issuer.test/keys?key=hidden", host: "issuer.test")
        #expect(KeySetSource.remote(set).name == "https://issuer.test/keys")
        #expect(KeySetSource.revocations(path: "a/b").name == "a/b")
        #expect(KeySetSource(.secret(Secret([1]))) == nil)
    }
}
