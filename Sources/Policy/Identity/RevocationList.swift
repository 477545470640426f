package import Clock

/// Everything that is revoked: what the files of the `jwt` blocks say, and what was added while the
/// gateway runs. A value; asked once for every token that is let in.
package struct RevocationList: Sendable {
    /// Revocations added at run time; further ones are refused.
    package static let entryLimit = 100_000

    /// What a run-time entry is kept for: its target, by the block it is about.
    private struct Key: Sendable, Hashable {
        enum Target: Sendable, Hashable {
            case token(ExactText)
            case user(ExactText)
            case before(user: ExactText?)
        }

        var rule: ExactText?
        var target: Target

        init(_ revocation: Revocation) {
            rule = revocation.rule.map(ExactText.init)
            switch revocation.target {
            case .token(let id): target = .token(ExactText(id))
            case .user(let name): target = .user(ExactText(name))
            case .issuedBefore(_, let user): target = .before(user: user.map(ExactText.init))
            }
        }

        init(rule: ExactText?, _ target: Target) {
            self.rule = rule
            self.target = target
        }
    }

    /// By the name of their block.
    private var files: [ExactText: RevocationFile] = [:]
    private var entries: [Key: Revocation] = [:]

    package init() {}

    package var isEmpty: Bool { entries.isEmpty && files.isEmpty }

    /// The run-time entries, in no order.
    package var revocations: [Revocation] { Array(entries.values) }

    /// How many entries the files have.
    package var fileCount: Int { files.values.reduce(0) { $0 + $1.count } }

    /// True when the bearer of this identity is not to be let in at `now`.
    package func isRevoked(_ identity: VerifiedIdentity, now: WallTime) -> Bool {
        if isEmpty { return false }
        return isRevoked(
            rule: identity.rule, user: identity.user, tokenID: identity.tokenID,
            issued: identity.issued, now: now)
    }

    /// True when the token of a live connection (`LiveConnection.token`) is revoked.
    package func isRevoked(
        rule: String, user: String?, tokenID: String?, issued: WallTime?, now: WallTime
    ) -> Bool {
        if isEmpty { return false }
        let rule = ExactText(rule)
        if files[rule]?.means(user: user, tokenID: tokenID) ?? false { return true }
        if entries.isEmpty { return false }
        let user = user.map(ExactText.init)
        var targets: [Key.Target] = [.before(user: nil)]
        if let user { targets += [.user(user), .before(user: user)] }
        if let tokenID { targets.append(.token(ExactText(tokenID))) }
        return targets.contains { target in
            [rule, nil].contains { owner in
                guard let entry = entries[Key(rule: owner, target)] else { return false }
                return Self.counts(entry, issued: issued, now: now)
            }
        }
    }

    /// The entries of a block's file, all of them, in the place of those it had; nil for a block
    /// that has no file any more.
    package mutating func setFile(_ file: RevocationFile?, of rule: String) {
        files[ExactText(rule)] = file
    }

    /// Blocks that are not among `rules` lose their files.
    package mutating func keepFiles(of rules: [String]) {
        let kept = Set(rules.map(ExactText.init))
        files = files.filter { kept.contains($0.key) }
    }

    /// False when there are too many already. Of two entries for the same target the one that means
    /// more counts: the later date, and the later end.
    package mutating func add(_ revocation: Revocation, now: WallTime) -> Bool {
        if entries.count >= Self.entryLimit { forget(now: now) }
        let key = Key(revocation)
        guard let known = entries[key], Self.isAlive(known, now) else {
            guard entries[key] != nil || entries.count < Self.entryLimit else { return false }
            entries[key] = revocation
            return true
        }
        entries[key] = Self.union(known, revocation)
        return true
    }

    /// Takes a run-time entry with this target and rule back. False when there is none.
    package mutating func remove(_ revocation: Revocation) -> Bool {
        entries.removeValue(forKey: Key(revocation)) != nil
    }

    /// Drops the entries that may be forgotten.
    package mutating func forget(now: WallTime) {
        entries = entries.filter { Self.isAlive($0.value, now) }
    }

    private static func isAlive(_ entry: Revocation, _ now: WallTime) -> Bool {
        entry.forgottenFrom.map { now < $0 } ?? true
    }

    private static func counts(_ entry: Revocation, issued: WallTime?, now: WallTime) -> Bool {
        guard isAlive(entry, now) else { return false }
        switch entry.target {
        case .token, .user: return true
        case .issuedBefore(let moment, _): return issued.map { $0 < moment } ?? true
        }
    }

    private static func union(_ left: Revocation, _ right: Revocation) -> Revocation {
        var union = left
        if case .issuedBefore(let first, let user) = left.target,
            case .issuedBefore(let second, _) = right.target
        {
            union.target = .issuedBefore(max(first, second), user: user)
        }
        if let first = left.forgottenFrom, let second = right.forgottenFrom {
            union.forgottenFrom = max(first, second)
        } else {
            union.forgottenFrom = nil
        }
        return union
    }
}
