internal import Bookkeeping
internal import Generations
internal import Identity
internal import KeySets
internal import Locks
internal import Sessions
internal import Settings

/// Keys of issuers and lists of revoked tokens, as sources have them now: what follows from what
/// was read. Lives on the control thread.
struct KeyUpkeep {
    /// Keys of one source that are complained about.
    private static let complaintLimit = 8

    let shared: SharedState

    /// From now on the keys and lists of this generation are kept up to date; files are read at
    /// once.
    func use(_ generation: Generation) {
        let tokens = generation.settings.tokens
        shared.keys.use(generation.keySetSources)
        generation.gates.renew(by: shared.keys)
        shared.ruleNames.withLock { $0 = Set(tokens.map(\.name)) }
        shared.revocations.keepFiles(of: tokens.filter { $0.revocationFile != nil }.map(\.name))
        for token in tokens { readRevocations(of: token) }
    }

    func read(_ report: KeySetReport, for generation: Generation) {
        switch report.notice {
        case .warning(let text): shared.log.warning(text)
        case .info(let text): shared.log.info(text)
        case nil: break
        }
        guard case .revocations(let path) = report.source else {
            if report.isChanged {
                generation.gates.renew(by: shared.keys)
                complain(about: report.source, of: generation)
            }
            return shared.postToWorkers(.keysRead)
        }
        guard report.isChanged else { return }
        for token in generation.settings.tokens where token.revocationFile == path {
            readRevocations(of: token)
        }
    }

    /// Keys of a source that a block cannot use are left out; somebody should know.
    private func complain(about source: KeySetSource, of generation: Generation) {
        guard let document = shared.keys.current(source)?.document else { return }
        for token in generation.settings.tokens where token.keySetSources.contains(source) {
            let keys = document.keys(for: token.algorithms, allowsWeakKeys: token.allowsWeakKeys)
            for key in keys.unusable.prefix(Self.complaintLimit) {
                let name = key.keyID.map { " '\($0)'" } ?? ""
                shared.log.info(
                    "keys: jwt '\(token.name)' does not use key\(name) of '\(source.name)': "
                        + key.reason)
            }
        }
    }

    /// Takes the list of a block as it is now, and ends the connections it means.
    private func readRevocations(of token: TokenSettings) {
        guard let path = token.revocationFile,
            let document = shared.keys.current(.revocations(path: path))?.document
        else { return }
        do throws(RevocationFile.Mistake) {
            let file = try RevocationFile(document.octets.span)
            shared.revocations.setFile(file, of: token.name)
            shared.disconnectRevoked {
                $0.rule == token.name && file.means(user: $0.user, tokenID: $0.id)
            }
        } catch {
            shared.log.warning("'\(path)' is not used, the list at hand stays: \(error)")
        }
    }
}
