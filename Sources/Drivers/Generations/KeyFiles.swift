package import Identity
package import Settings
internal import TLS

/// Holds what the files of the `jwt` blocks say against the blocks, before anything is served by
/// them. Later changes of the files are for `KeySetService` to judge.
package struct KeyFiles {
    private let readFile: (String) -> [UInt8]?

    /// - Parameter readFile: the content of a file; nil when it cannot be read.
    package init(readFile: @escaping (String) -> [UInt8]?) { self.readFile = readFile }

    /// The keys of a block as they are now, but for those that are fetched.
    ///
    /// Throws as `check`.
    package func keys(of token: TokenSettings) throws(Generation.BuildError) -> KeyRing {
        try check([token])
        do throws(UnusableKey) {
            return try KeyRing(token) { source in
                source.path.flatMap(readFile).flatMap { try? KeySetDocument($0, of: source) }
            }
        } catch {
            throw Generation.BuildError(position: token.position, message: error.description)
        }
    }

    /// Throws for the first file that cannot be read, or holds nothing its block could use.
    func check(_ tokens: [TokenSettings]) throws(Generation.BuildError) {
        for token in tokens {
            for key in token.keys {
                do throws(Complaint) {
                    try check(key.origin, of: token)
                } catch {
                    throw Generation.BuildError(position: key.position, message: error.text)
                }
            }
            if let path = token.revocationFile {
                do throws(Complaint) {
                    try checkRevocations(path)
                } catch {
                    throw Generation.BuildError(position: token.position, message: error.text)
                }
            }
        }
    }

    /// The end of a sentence that begins with the file.
    private struct Complaint: Error {
        var text: String

        init(_ path: String, _ reason: String) { text = "'\(path)': \(reason)" }
    }

    private func check(_ origin: KeySource.Origin, of token: TokenSettings) throws(Complaint) {
        if case .remote(let set) = origin, let path = set.authorityPath {
            return try checkAuthority(path)
        }
        guard let source = KeySetSource(origin), let path = source.path else { return }
        let document: KeySetDocument
        let octets = try read(path)
        do throws(KeySetDocument.Problem) {
            document = try KeySetDocument(octets, of: source)
        } catch {
            throw Complaint(path, error.description)
        }
        let keys = document.keys(for: token.algorithms, allowsWeakKeys: true)
        if !token.allowsWeakKeys {
            if let weak = keys.usable.compactMap(\.weakness).first {
                throw Complaint(path, weak.description + "; 'allow_weak_keys on' accepts it")
            }
        }
        guard keys.usable.isEmpty else { return }
        throw Complaint(path, keys.unusable.first?.reason ?? "no key in it")
    }

    private func checkAuthority(_ path: String) throws(Complaint) {
        do throws(TLSError) {
            _ = try TLSClientContext(authority: try? read(path))
        } catch {
            throw Complaint(path, error.message)
        }
    }

    private func checkRevocations(_ path: String) throws(Complaint) {
        let octets = try read(path)
        do throws(RevocationFile.Mistake) {
            _ = try RevocationFile(octets.span)
        } catch {
            throw Complaint(path, error.description)
        }
    }

    private func read(_ path: String) throws(Complaint) -> [UInt8] {
        guard let octets = readFile(path) else { throw Complaint(path, "it cannot be read") }
        return octets
    }
}
