//! Who made which token, or revoked it, and why: told to the journal by the host, which sees the file of tokens. A token may be
//! made before there is a host, or a journal; its name is never used again, so each word is told once.

use api::{Scope, TokenFile, TokenRecord, TokenStamp, TokenWord};
use journal::{Journal, JournalError};
use model::{Attest, Deed, Entry, OperatorAct, Source};

pub(crate) struct TokenWords {
    file: TokenFile,
    /// The file that the journal has been told of.
    told: Option<TokenStamp>,
}

impl TokenWords {
    pub(crate) fn new(file: TokenFile) -> TokenWords {
        TokenWords { file, told: None }
    }

    /// What the journal is yet to be told, and the file in which it stands, to be given back once it is.
    pub(crate) fn untold(
        &self,
        journal: &dyn Journal,
    ) -> Result<(Vec<Entry>, Option<TokenStamp>), JournalError> {
        // Taken before it is read: a file that is replaced meanwhile has another stamp at the next look.
        let stamp = self.file.stamp();
        if stamp == self.told {
            return Ok((Vec::new(), stamp));
        }
        // What cannot be read opens nothing, and whoever shows a token is told why.
        let tokens = self.file.read().unwrap_or_default();
        let mut untold = Vec::new();
        for act in tokens.iter().flat_map(acts) {
            if journal.locate(Source::Operator, &act.id)?.is_none() {
                untold.push(Entry::Act(act));
            }
        }
        Ok((untold, stamp))
    }

    pub(crate) fn told(&mut self, stamp: Option<TokenStamp>) {
        self.told = stamp;
    }
}

fn acts(token: &TokenRecord) -> Vec<OperatorAct> {
    let TokenRecord { name, scopes, sha256: _, created: _, expires: _, revoked: _, made_by, revoked_by } =
        token;
    let act = |what: &str, word: &TokenWord, of: String| {
        let (id, what) = (format!("token/{what}/{name}"), format!("token {what}"));
        let deed = Deed::Attest(Attest { what, of });
        OperatorAct { id, by: word.by.clone(), why: word.why.clone(), deed }
    };
    let made = made_by.as_ref().map(|word| act("create", word, format!("{name}: {}", Scope::listed(scopes))));
    let ended = revoked_by.as_ref().map(|word| act("revoke", word, name.clone()));
    made.into_iter().chain(ended).collect()
}

#[cfg(test)]
mod tests {
    use journal::{Batch, MemoryJournal, Records as _};

    use super::*;

    fn word(why: &str) -> TokenWord {
        TokenWord { by: "config/li".to_owned(), why: why.to_owned() }
    }

    fn told(words: &mut TokenWords, journal: &MemoryJournal) -> Vec<String> {
        let (entries, stamp) = words.untold(journal).unwrap();
        let line = |entry: &Entry| match entry {
            Entry::Act(OperatorAct { by, why, deed: Deed::Attest(Attest { what, of }), .. }) => {
                format!("{by}: {what} of {of}: {why}")
            }
            other => panic!("{other:?}"),
        };
        let lines = entries.iter().map(line).collect();
        journal.append(&[Batch { entries, ..Batch::default() }]).unwrap();
        words.told(stamp);
        lines
    }

    #[test]
    fn each_token_is_told_of_once_also_by_the_next_host() {
        let folder = tempfile::tempdir().unwrap();
        let (file, journal) = (TokenFile::new(folder.path(), "brand"), MemoryJournal::default());
        let mut words = TokenWords::new(file.clone());
        assert_eq!(told(&mut words, &journal), Vec::<String>::new());
        file.create("board", &[Scope::Read, Scope::Operate], None, 1, word("the board asked")).unwrap();
        let made = ["config/li: token create of board: read, operate: the board asked"];
        assert_eq!(told(&mut words, &journal), made);
        assert_eq!(told(&mut words, &journal), Vec::<String>::new());
        file.revoke("board", 2, word("she left")).unwrap();
        // What could not be appended is told at the next look.
        drop(words.untold(&journal).unwrap());
        assert_eq!(told(&mut words, &journal), ["config/li: token revoke of board: she left"]);
        assert_eq!(told(&mut TokenWords::new(file), &journal), Vec::<String>::new());
    }
}
