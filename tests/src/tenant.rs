//! The configuration of a host that sells skin care through WeCom and a Youzan shop, both simulated.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::host::{self, TOKEN};
use crate::wecom::WecomSim;
use crate::youzan::YouzanSim;

/// The names of the two connections.
pub const WECOM: &str = "wecom";
pub const YOUZAN: &str = "youzan";

/// What differs from test to test.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// `manual` or `system`.
    pub clock: &'static str,
    pub policies: Vec<Bound>,
}

#[derive(Clone, Debug)]
pub struct Bound {
    pub name: String,
    pub plugin: String,
    /// TOML, without a header.
    pub settings: String,
}

impl Default for Tenant {
    fn default() -> Self {
        let bound = |name: &str, settings: &str| Bound {
            name: name.to_owned(),
            plugin: name.to_owned(),
            settings: settings.to_owned(),
        };
        Tenant {
            clock: "manual",
            policies: vec![
                bound("behaviour-tags", include_str!("tenant/behaviour-tags.toml")),
                bound("repurchase", include_str!("tenant/repurchase.toml")),
            ],
        }
    }
}

impl Tenant {
    /// Writes `heliu.toml` and the secrets into a folder.
    pub fn write(&self, folder: &Path, wecom: &WecomSim, youzan: &YouzanSim) -> anyhow::Result<PathBuf> {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let secret = |name: &str, value: &str| {
            std::fs::write(folder.join(name), format!("{value}\n")).with_context(|| format!("write {name}"))
        };
        secret("api.token", TOKEN)?;
        secret("wecom.secret", &wecom.config().secret)?;
        secret("wecom.aes-key", &wecom.config().callback.encoding_aes_key)?;
        secret("youzan.secret", &youzan.config().client_secret)?;
        let path = folder.join("heliu.toml");
        std::fs::write(&path, self.text(wecom, youzan)?)
            .with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    fn text(&self, wecom: &WecomSim, youzan: &YouzanSim) -> anyhow::Result<String> {
        let mut text = format!(
            "data = \"data\"\nlisten = \"127.0.0.1:0\"\nclock = \"{}\"\n\n[api]\ntoken = {{ file = \"api.token\" }}\n\n\
             [identity]\nphone_country = \"86\"\n",
            self.clock
        );
        let callback = &wecom.config().callback;
        let plugin = |name: &str| Ok::<_, anyhow::Error>(host::plugin(name)?.display().to_string());
        write!(
            text,
            "\n[[connection]]\nname = \"{WECOM}\"\nplugin = {:?}\nhosts = [{:?}]\ninward = true\n\n\
             [connection.settings]\ncorp_id = {:?}\ntoken = {:?}\nencoding_aes_key = {{ file = \"wecom.aes-key\" }}\n\
             receive_ids = [{:?}]\nsecret = {{ file = \"wecom.secret\" }}\napi_base = {:?}\njoin_remark_mobiles = true\n",
            plugin("wecom")?,
            wecom.base_url(),
            wecom.config().corp_id,
            callback.token,
            callback.receive_id,
            wecom.base_url(),
        )?;
        let config = youzan.config();
        write!(
            text,
            "\n[[connection]]\nname = \"{YOUZAN}\"\nplugin = {:?}\nhosts = [{:?}]\ninward = true\npoll_every = \"2h\"\n\n\
             [connection.settings]\nclient_id = {:?}\nclient_secret = {{ file = \"youzan.secret\" }}\nkdt_id = {}\n\
             api_base = {:?}\n",
            plugin("youzan")?,
            youzan.base_url(),
            config.client_id,
            config.kdt_id,
            youzan.base_url(),
        )?;
        for Bound { name, plugin: file, settings } in &self.policies {
            write!(
                text,
                "\n[[policy]]\nname = {name:?}\nplugin = {:?}\n\n[policy.settings]\n{settings}\n",
                plugin(file)?
            )?;
        }
        Ok(text)
    }
}
